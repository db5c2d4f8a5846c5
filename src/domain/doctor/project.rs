//! What a project allows.

use super::{
    Line,
    facts::{Apis, Granted, OrgPolicy, Quotas},
    unread,
};
use crate::domain::{
    names::ProjectId,
    permissions::{Permission, Role},
    state::observed::Read,
};

/// Above this share of a quota the next connector may not fit.
const NEAR: f64 = 0.8;
/// What connectors, NAT and rules use up: <https://cloud.google.com/vpc/docs/quota>.
const METRICS: [&str; 3] = ["FIREWALLS", "ROUTERS", "SUBNETWORKS"];

/// `needed` are the APIs' host names.
pub fn apis(project: &ProjectId, needed: &[&str], found: &Read<Apis>) -> Line {
    let subject = format!("APIs of {project}");
    let found = match found {
        Ok(found) => found,
        Err(failure) => return unread(&subject, project.as_str(), failure),
    };
    let on = |host: &str| found.services.iter().any(|api| api.config.name == host && api.state == "ENABLED");
    let off: Vec<&str> = needed.iter().copied().filter(|host| !on(host)).collect();
    if off.is_empty() {
        return Line::ok(&subject, format!("{} are enabled", needed.join(", ")));
    }
    let enable = format!("gcloud services enable {} --project={project}", off.join(" "));
    Line::bad(&subject, format!("{} must be enabled", off.join(", ")), enable)
}

/// Of whoever asks: run as the service's account to hear of the service.
pub fn permissions(project: &ProjectId, wanted: &[&Permission], found: &Read<Granted>) -> Vec<Line> {
    let subject = format!("permissions in {project}");
    let found = match found {
        Ok(found) => found,
        Err(failure) => return vec![unread(&subject, project.as_str(), failure)],
    };
    let lacks = |role: &Role| -> Vec<&Permission> {
        let of_role = wanted.iter().copied().filter(|one| one.role == *role);
        of_role.filter(|one| !found.permissions.iter().any(|name| name == one.name)).collect()
    };
    let missing: Vec<_> = Role::ALL.iter().map(lacks).filter(|missing| !missing.is_empty()).collect();
    if missing.is_empty() {
        return vec![Line::ok(&subject, format!("all {} are granted", wanted.len()))];
    }
    let told = |missing: Vec<&Permission>| {
        let list: Vec<_> = missing.iter().map(|one| format!("cannot {}: `{}`", one.what, one.name)).collect();
        // Nothing of a role is there: it is not bound at all.
        let role = missing[0].role;
        let unbound = missing.len() == wanted.iter().filter(|one| one.role == role).count();
        let bind = format!(
            "gcloud projects add-iam-policy-binding {project} --member=serviceAccount:SERVICE_ACCOUNT --role=projects/{project}/roles/{}",
            role.id()
        );
        Line::bad(&subject, list.join("; "), if unbound { bind } else { missing[0].mend(project.as_str()) })
    };
    missing.into_iter().map(told).collect()
}

/// An organization policy that can keep connectors from being made.
/// <https://cloud.google.com/vpc/docs/configure-serverless-vpc-access#org-policy>
pub struct Constraint {
    pub name: &'static str,
    /// What it must allow; none = it must not deny all.
    allows: Option<&'static str>,
    /// What it stops otherwise.
    stops: &'static str,
}

pub static CONSTRAINTS: [Constraint; 4] = [
    Constraint {
        name: "compute.trustedImageProjects",
        allows: Some("projects/serverless-vpc-access-images"),
        stops: "the images that connectors are made from",
    },
    Constraint { name: "compute.vmCanIpForward", allows: None, stops: "the instances of connectors" },
    Constraint { name: "compute.restrictCloudNATUsage", allows: None, stops: "Cloud NAT" },
    Constraint {
        name: "gcp.restrictServiceUsage",
        allows: Some("vpcaccess.googleapis.com"),
        stops: "Serverless VPC Access",
    },
];

pub fn constraint(project: &ProjectId, constraint: &Constraint, found: &Read<OrgPolicy>) -> Line {
    let subject = format!("organization policy {} of {project}", constraint.name);
    let found = match found {
        Ok(found) => found,
        Err(failure) => return unread(&subject, project.as_str(), failure),
    };
    if lets(found, constraint.allows) {
        return Line::ok(&subject, format!("does not block {}", constraint.stops));
    }
    let (verb, value) = match constraint.allows {
        Some(value) => ("allow", format!(" {value}")),
        None => ("delete", String::new()),
    };
    let mend = format!("gcloud resource-manager org-policies {verb} {}{value} --project={project}", constraint.name);
    Line::bad(&subject, format!("blocks {}", constraint.stops), mend)
}

/// Without rules everything is allowed. A list of allowed values allows nothing else.
fn lets(policy: &OrgPolicy, value: Option<&str>) -> bool {
    let rules = &policy.spec.rules;
    let is = |listed: &String| value.is_some_and(|value| listed.strip_prefix("is:").unwrap_or(listed) == value);
    let denied = rules.iter().any(|rule| rule.deny_all || rule.values.denied_values.iter().any(is));
    let listed = || rules.iter().flat_map(|rule| &rule.values.allowed_values);
    let open = rules.iter().any(|rule| rule.allow_all) || listed().next().is_none();
    !denied && (open || listed().any(is))
}

pub fn quotas(project: &ProjectId, found: &Read<Quotas>) -> Line {
    let subject = format!("quotas of {project}");
    let found = match found {
        Ok(found) => found,
        Err(failure) => return unread(&subject, project.as_str(), failure),
    };
    let ours: Vec<_> = found.quotas.iter().filter(|quota| METRICS.contains(&quota.metric.as_str())).collect();
    let told = |quotas: &[&super::facts::Quota]| {
        let each = quotas.iter().map(|quota| format!("{} {} of {}", quota.metric, quota.usage, quota.limit));
        each.collect::<Vec<_>>().join(", ")
    };
    let near: Vec<_> = ours.iter().copied().filter(|quota| quota.usage >= quota.limit * NEAR).collect();
    if near.is_empty() {
        return Line::ok(&subject, told(&ours));
    }
    let used_up = near.iter().any(|quota| quota.usage >= quota.limit);
    let page = format!("https://console.cloud.google.com/iam-admin/quotas?project={project}");
    let (text, mend) = (format!("nearly or wholly used up: {}", told(&near)), format!("ask for more on {page}"));
    if used_up { Line::bad(&subject, text, mend) } else { Line::warn(&subject, text, mend) }
}
