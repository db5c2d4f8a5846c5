//! Where an entry says it happened. Services, API versions and log types name the place in different members, so each
//! is asked in turn, and what is no project or region by Google's grammar says nothing.

use super::{
    entry::{AuditLog, Entry},
    method::Names,
    reasons::{IgnoreReason, RejectReason, Skip},
    scope::Scope,
};
use crate::domain::{
    fields::Fields,
    names::{NetworkRef, ProjectId, Region, relative},
    target::{Place, Target},
};

/// The place, if it is in scope.
pub(super) fn locate(names: Names, entry: &Entry<'_>, audit: &AuditLog<'_>, scope: &Scope) -> Result<Place, Skip> {
    let project = match project(entry, audit, scope) {
        Err(Skip::Ignored(IgnoreReason::NoOneProject)) if names == Names::Below && !scope.is_empty() => {
            return Ok(Place::Everywhere);
        }
        found => found?,
    };
    match names {
        Names::Region | Names::App => match region(entry, audit, scope) {
            Ok(region) => Ok(Place::Target(Target { region, project })),
            Err(Skip::Rejected(reason))
                if reason.lacks_region() && (names == Names::App || is_global(entry, audit)?) =>
            {
                Ok(Place::Project(project))
            }
            Err(skip) => Err(skip),
        },
        Names::Network | Names::Below => {
            Ok(network(audit, scope, &project).map_or(Place::Project(project), Place::Network))
        }
        Names::Project => Ok(Place::Project(project)),
    }
}

fn project(entry: &Entry<'_>, audit: &AuditLog<'_>, scope: &Scope) -> Result<ProjectId, Skip> {
    let label = entry.resource_labels()?.text("project_id");
    if let Some(Err(error)) = label.as_deref().map(ProjectId::parse) {
        return Err(RejectReason::malformed("resource.labels.project_id", &error.found, error.expected).into());
    }
    let (resource, log) = (audit.resource(), entry.log_name());
    let sources = [
        ("resource.labels.project_id", label.as_deref()),
        ("protoPayload.resourceName", project_in(&resource)),
        // A log of an organization or a folder says nothing of projects.
        ("logName", project_in(&log).filter(|_| log.starts_with("projects/"))),
    ];
    let mut named: Option<ProjectId> = None;
    for (field, text) in sources {
        let Some(Ok(found)) = text.map(ProjectId::parse) else { continue };
        let found = scope.id(&found);
        match &named {
            // An unknown number cannot be compared, and any id says more.
            Some(project) if found == project || found.is_number() => {}
            Some(project) if !project.is_number() => {
                return Err(RejectReason::project_mismatch(field, found.as_str()).into());
            }
            _ => named = Some(found.clone()),
        }
    }
    let Some(named) = named else {
        return Err(match log.starts_with("projects/") {
            _ if entry.is_split() => IgnoreReason::SplitPart.into(),
            true => RejectReason::no_project(&resource).into(),
            false => IgnoreReason::NoOneProject.into(),
        });
    };
    match scope.find(&named) {
        Some(project) => Ok(project.clone()),
        None => Err(RejectReason::out_of_scope("project", named.as_str()).into()),
    }
}

fn region(entry: &Entry<'_>, audit: &AuditLog<'_>, scope: &Scope) -> Result<Region, Skip> {
    let resource = audit.resource();
    let found = region_in_labels(&entry.resource_labels()?)
        .or_else(|| region_in(&resource))
        .or_else(|| Region::parse(&audit.location()?).ok())
        .or_else(|| region_in_request(&audit.request()))
        .or_else(|| {
            let labels = audit.response().at(&["metadata", "labels"])?;
            Region::parse(&labels.text("cloud.googleapis.com/location")?).ok()
        });
    match found {
        Some(region) if scope.has_region(&region) => Ok(region),
        Some(region) => Err(RejectReason::out_of_scope("region", region.as_str()).into()),
        None if entry.is_split() => Err(IgnoreReason::SplitPart.into()),
        None => Err(RejectReason::no_region(&resource).into()),
    }
}

/// A service of several regions is deployed at `global`, and each of its regions has a service of its own.
/// <https://cloud.google.com/run/docs/multiple-regions>
fn is_global(entry: &Entry<'_>, audit: &AuditLog<'_>) -> Result<bool, Skip> {
    let label = entry.resource_labels()?.text("location").is_some_and(|text| text == "global");
    Ok(label || audit.resource().contains("/locations/global/"))
}

fn region_in_labels(labels: &Fields<'_>) -> Option<Region> {
    ["location", "region"].iter().find_map(|name| Region::parse(&labels.text(name)?).ok())
}

fn region_in_request(request: &Fields<'_>) -> Option<Region> {
    let direct = request.text("region").and_then(|text| Region::parse(&text).ok());
    direct.or_else(|| ["parent", "name"].iter().find_map(|name| region_in(&request.text(name)?)))
}

/// The network that the entry is about or speaks of, where it is one of this project.
fn network(audit: &AuditLog<'_>, scope: &Scope, project: &ProjectId) -> Option<NetworkRef> {
    let request = audit.request();
    let texts = [Some(audit.resource()), request.text("network"), request.text("attachmentTarget")];
    texts.into_iter().flatten().find_map(|text| {
        let network = NetworkRef::try_from(text.into_owned()).ok()?;
        (scope.id(&network.project) == project).then(|| NetworkRef { project: project.clone(), ..network })
    })
}

/// `P` of `projects/P/…` (`logName`, v2), or of `namespaces/P/…` (Cloud Run v1).
fn project_in(name: &str) -> Option<&str> {
    let rest = relative(name).strip_prefix("projects/").or_else(|| name.strip_prefix("namespaces/"))?;
    rest.split('/').next()
}

/// `R` of `…/locations/R/…`, or of Compute's `…/regions/R/…`.
fn region_in(name: &str) -> Option<Region> {
    let mut segments = name.split('/');
    segments.find(|segment| matches!(*segment, "locations" | "regions"))?;
    Region::parse(segments.next()?).ok()
}
