//! What to do about an audit entry: act on the place it names, or nothing, and why.

use jiff::Timestamp;

use super::{
    entry::{AuditLog, Entry, LogKind, Operation},
    locate::locate,
    method::{self, Row, Service},
    reasons::{IgnoreReason, RejectReason, Skip},
    scope::Scope,
    signal::{Signal, Told, Trigger},
    wanted::{PERMISSION_DENIED, refused, wanted},
};
use crate::domain::{
    fields::Fields,
    names::{ProjectId, is_unruly, last_segment, one_line, relative},
    target::{Place, Target},
};

/// Where the service agents of Serverless VPC Access have their accounts.
pub(super) const AGENT_DOMAIN: &str = "gcp-sa-vpcaccess.iam.gserviceaccount.com";

/// The decision about one event. All three are answered with success: no redelivery would change them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    Act(Signal),
    Ignore(IgnoreReason),
    Reject(RejectReason),
}

/// The e-mail addresses that this service writes under. Empty when unknown: then nothing is its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnPrincipals(Vec<String>);

impl OwnPrincipals {
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// `principal` as the audit log has it: an e-mail address or a `serviceAccount:` subject.
    pub fn include(&self, principal: &str) -> bool {
        let email = principal.strip_prefix("serviceAccount:").unwrap_or(principal);
        self.0.iter().any(|own| own.eq_ignore_ascii_case(email))
    }
}

impl FromIterator<String> for OwnPrincipals {
    fn from_iter<I: IntoIterator<Item = String>>(emails: I) -> Self {
        Self(emails.into_iter().collect())
    }
}

/// What a call asked of a router, as the first entry of its operation tells: a hint for a person, by which nothing is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterRequest {
    /// The router's project and region.
    pub at: Target,
    pub operation: String,
    /// The names of the NATs that the router was to have.
    pub nats: Vec<String>,
}

/// `None` = the entry tells nothing of the NATs of a router in scope.
pub fn router_request(entry: &Entry<'_>, scope: &Scope) -> Option<RouterRequest> {
    /// As many as a router can have; an operation's name and a NAT's are at most this long.
    const MAX_NATS: usize = 50;
    const MAX_BYTES: usize = 128;
    let (audit, row) = classify(entry).ok().filter(|(_, row)| row.collection == "routers.")?;
    let Place::Target(at) = locate(row.names, entry, audit, scope).ok()? else { return None };
    let fits = |name: &String| !name.is_empty() && name.len() <= MAX_BYTES && !name.contains(is_unruly);
    let operation = entry.operation_id().or_else(|| audit.response().text("name"));
    let operation = operation.map(String::from).filter(fits)?;
    let nats = audit.request().list("nats").into_iter().take(MAX_NATS);
    let names = nats.filter_map(|nat| Some(Fields::parse(nat).ok()?.text("name")?.into_owned()));
    let nats: Vec<String> = names.filter(fits).collect();
    (!nats.is_empty()).then_some(RouterRequest { at, operation, nats })
}

/// Decides about one log entry. Nothing in the entry chooses a host, a network, a range or a priority: it names a place
/// in scope, and at most a connector that a deploy missed there.
pub fn dispose(entry: &Entry<'_>, scope: &Scope, own: &OwnPrincipals, received: Timestamp) -> Disposition {
    match read(entry, scope, own, received) {
        Ok(signal) => Disposition::Act(signal),
        Err(Skip::Ignored(reason)) => Disposition::Ignore(reason),
        Err(Skip::Rejected(reason)) => Disposition::Reject(reason),
    }
}

/// Cheapest questions first: what is not ours is known before `request` and `response` are read.
fn read(entry: &Entry<'_>, scope: &Scope, own: &OwnPrincipals, received: Timestamp) -> Result<Signal, Skip> {
    let (audit, row) = classify(entry)?;
    changed_something(row, entry, audit, own)?;
    let place = locate(row.names, entry, audit, scope)?;
    if is_trial(&audit.request()) {
        return Err(IgnoreReason::ValidateOnly.into());
    }
    let wanted = match &place {
        Place::Target(target) if row.service.deploys() => wanted(audit, target, scope),
        _ => None,
    };
    let mut trigger = trigger(row, entry, audit, &place, received)?;
    if let (Place::Target(target), true) = (&place, row.service.deploys()) {
        trigger.refused = refused(audit, target, scope);
    }
    Ok(Signal { place, wanted, trigger: trigger.into() })
}

/// What reports and memory keep of the entry. Its method is one of the table's.
fn trigger(
    row: &Row,
    entry: &Entry<'_>,
    audit: &AuditLog<'_>,
    place: &Place,
    received: Timestamp,
) -> Result<Trigger, RejectReason> {
    let (event_id, resource, principal) = (entry.id(), audit.resource(), audit.principal());
    plain("insertId", &event_id)?;
    plain("protoPayload.resourceName", &resource)?;
    plain("protoPayload.authenticationInfo", principal.as_deref().unwrap_or_default())?;
    Ok(Trigger {
        event_id,
        method: audit.method().into(),
        resource: by_id(&resource, place),
        principal: principal.map(Into::into),
        refusal: audit.refused_nat().map(|words| one_line(&words)),
        // Nobody has heard of what is still to come.
        at: entry.at().map_or(received, |at| at.min(received)),
        received,
        duplicates: 0,
        told: told(row, entry, audit),
        refused: None,
    })
}

fn told(row: &Row, entry: &Entry<'_>, audit: &AuditLog<'_>) -> Told {
    let went_well = audit.status().code == 0;
    Told {
        is_deployed: row.service.deploys() && went_well,
        permits: (row.grants || row.service == Service::ServiceUsage)
            && went_well
            && entry.operation().is_none_or(|operation| operation.last),
        grants: row.grants,
        nat_subnets: audit.refused_nat().map_or_else(Vec::new, |_| audit.nat_subnets()),
        nat_network: audit.refused_nat().and_then(|_| audit.request().text("network")).map(Into::into),
    }
}

/// A resource whose project is written as a number, by the id that all else goes by.
fn by_id(resource: &str, place: &Place) -> String {
    let is_number = |text: &str| ProjectId::parse(text).is_ok_and(|project| project.is_number());
    match (relative(resource).strip_prefix("projects/").and_then(|rest| rest.split_once('/')), place.project()) {
        (Some((number, rest)), Some(project)) if is_number(number) => format!("projects/{project}/{rest}"),
        _ => resource.to_owned(),
    }
}

/// Text that is shown to people and kept: of one line, and bounded. Google's own names are shorter by far.
fn plain(field: &'static str, text: &str) -> Result<(), RejectReason> {
    const MAX_BYTES: usize = 1024;
    match text.len() <= MAX_BYTES && !text.contains(is_unruly) {
        true => Ok(()),
        false => Err(RejectReason::malformed(field, text, "at most 1024 bytes without control characters")),
    }
}

/// By log, service and method alone.
fn classify<'e, 'a>(entry: &'e Entry<'a>) -> Result<(&'e AuditLog<'a>, &'static Row), Skip> {
    let log = entry.log_kind().ok_or(IgnoreReason::NotAudit)?;
    let audit = entry
        .audit_log()
        .ok_or_else(|| RejectReason::malformed("protoPayload", "no object", "an audit log's AuditLog message"))?;
    match log {
        LogKind::Activity | LogKind::SystemEvent => {}
        LogKind::DataAccess => return Err(IgnoreReason::DataAccess.into()),
        LogKind::Policy => return Err(IgnoreReason::PolicyDenied.into()),
        LogKind::Other => return Err(IgnoreReason::OtherLog.into()),
    }
    let service = Service::of(&audit.service()).ok_or(IgnoreReason::OtherService)?;
    let full_name = audit.method();
    let method = service.normalise(&full_name).ok_or(IgnoreReason::OtherMethod)?;
    let row = method::find(service, method).ok_or_else(|| unlisted(method))?;
    if !row.logs.contains(&log) {
        return Err(IgnoreReason::OtherLog.into());
    }
    Ok((audit, row))
}

/// What kind of method it is that no row lists.
fn unlisted(method: &str) -> IgnoreReason {
    const READS: [&str; 5] = ["get", "list", "aggregatedlist", "search", "testiampermissions"];
    let verb = method.rsplit('.').next().unwrap_or(method).to_ascii_lowercase();
    match verb.as_str() {
        "runjob" => IgnoreReason::Execution,
        "setiampolicy" => IgnoreReason::IamPolicy,
        read if READS.iter().any(|prefix| read.starts_with(prefix)) => IgnoreReason::Read,
        _ => IgnoreReason::OtherMethod,
    }
}

/// Whether the entry tells of a change that somebody else made.
fn changed_something(
    row: &Row,
    entry: &Entry<'_>,
    audit: &AuditLog<'_>,
    own: &OwnPrincipals,
) -> Result<(), IgnoreReason> {
    let (operation, code) = (entry.operation(), audit.status().code);
    let principal = audit.principal().unwrap_or_default();
    if own.include(&principal) && !wakes_its_maker(row.service, operation, code) {
        return Err(IgnoreReason::OwnChange);
    }
    if is_connector_agent(&principal) {
        return Err(IgnoreReason::GoogleAgent);
    }
    if row.service == Service::Compute && last_segment(&audit.resource()).starts_with("aet-") {
        return Err(IgnoreReason::HiddenObject);
    }
    if !row.from_start && operation.is_some_and(|operation| operation.first && !operation.last) {
        return Err(IgnoreReason::OperationStarted);
    }
    if operation.is_none()
        && entry.log_kind() == Some(LogKind::Activity)
        && is_refusal(row.service, code)
        && !(row.collection == "routers." && audit.refused_nat().is_some())
    {
        return Err(IgnoreReason::Refused);
    }
    Ok(())
}

/// Whether a call that did not become an operation changed nothing. Which of Cloud Run's calls become operations is
/// unknown, and a failed deploy may leave a revision behind, or name a connector that is missing: there only a missing
/// permission is proof.
fn is_refusal(service: Service, code: i64) -> bool {
    match service {
        Service::Run | Service::Functions | Service::AppEngine => code == PERMISSION_DENIED,
        Service::VpcAccess
        | Service::Compute
        | Service::ServiceUsage
        | Service::ResourceManager
        | Service::OrgPolicy
        | Service::Iam => code != 0,
    }
}

/// A deploy always counts, whoever made it. So does the end of a connector's operation: the run that started it did
/// not wait for it.
fn wakes_its_maker(service: Service, operation: Option<Operation>, code: i64) -> bool {
    match service {
        Service::Run | Service::Functions | Service::AppEngine => true,
        Service::VpcAccess => operation.map_or(code == 0, |operation| operation.last),
        Service::Compute | Service::ServiceUsage | Service::ResourceManager | Service::OrgPolicy | Service::Iam => {
            false
        }
    }
}

/// Serverless VPC Access's service agent, which makes a connector's instances and firewall rules.
fn is_connector_agent(principal: &str) -> bool {
    principal.starts_with("service-")
        && principal.strip_suffix(AGENT_DOMAIN).is_some_and(|account| account.ends_with('@'))
}

/// Whether the caller asked only for validation, in v2's way or in v1's.
fn is_trial(request: &Fields<'_>) -> bool {
    let dry_run = request.raw("dryRun").is_some_and(|value| !matches!(value, "false" | "\"\"" | "[]"));
    dry_run || request.is_true("validateOnly")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fields::PARSED;

    #[test]
    fn what_a_call_asked_of_a_router() {
        let entry = |change: &[(&str, &str)]| {
            let json = r#"{"logName":"projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity",
                "operation":{"id":"operation-1","first":true},
                "resource":{"labels":{"project_id":"demo-project","region":"europe-west1"}},
                "protoPayload":{"serviceName":"compute.googleapis.com","methodName":"v1.compute.routers.patch",
                "resourceName":"projects/demo-project/regions/europe-west1/routers/r",
                "request":{"nats":[{"name":"a"},{"name":"b"},{},{"name":"c\n"},7]}}}"#;
            change.iter().fold(json.to_owned(), |json, (old, new)| {
                assert!(json.contains(old), "{old}");
                json.replace(old, new)
            })
        };
        let project = ProjectId::parse("demo-project").unwrap();
        let scope = Scope { projects: [project].into(), ..Scope::default() };
        let both = Some(("operation-1", vec!["a", "b"]));
        for (change, expected) in [
            (vec![], both.clone()),
            (vec![("v1.compute.routers.patch", "beta.compute.routers.update")], both.clone()),
            (
                vec![
                    (r#""id":"operation-1","#, ""),
                    (r#""request""#, r#""response":{"name":"operation-1"},"request""#),
                ],
                both,
            ),
            (vec![(r#""id":"operation-1","#, "")], None),
            (vec![("nats", "bgpPeers")], None),
            (vec![("routers.patch", "firewalls.patch")], None),
            (vec![("demo-project", "another-project")], None),
        ] {
            let json = entry(&change);
            let found = router_request(&Entry::parse(json.as_bytes()).unwrap(), &scope);
            let found =
                found.as_ref().map(|found| (&*found.operation, found.nats.iter().map(String::as_str).collect()));
            assert_eq!(found, expected, "{change:?}");
        }
    }

    /// Google writes a project by its id or by its number; all else here goes by the id.
    #[test]
    fn a_resource_is_known_by_the_projects_id() {
        let entry = |project: &str| {
            format!(
                r#"{{"logName":"projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity","insertId":"i",
                    "timestamp":"2026-11-23T12:00:00Z","operation":{{"id":"o","last":true}},
                    "resource":{{"labels":{{"project_id":"demo-project","location":"europe-west1"}}}},
                    "protoPayload":{{"serviceName":"vpcaccess.googleapis.com",
                    "methodName":"google.cloud.vpcaccess.v1.VpcAccessService.CreateConnector",
                    "resourceName":"{project}/locations/europe-west1/connectors/c"}}}}"#
            )
        };
        let project = |id: &str| ProjectId::parse(id).unwrap();
        let scope = Scope { projects: [project("demo-project")].into(), ..Scope::default() };
        for form in
            ["projects/demo-project", "projects/123456789012", "//vpcaccess.googleapis.com/projects/123456789012"]
        {
            let json = entry(form);
            match dispose(
                &Entry::parse(json.as_bytes()).unwrap(),
                &scope,
                &OwnPrincipals::default(),
                Timestamp::UNIX_EPOCH,
            ) {
                Disposition::Act(signal) => assert_eq!(
                    signal.trigger.resource, "projects/demo-project/locations/europe-west1/connectors/c",
                    "{form}"
                ),
                other => panic!("{form}: {other:?}"),
            }
        }
    }

    /// How many JSON objects a decision opens: the entry and its `protoPayload`, and nothing inside the latter.
    #[test]
    fn what_is_irrelevant_is_not_read() {
        let request = format!(r#"{{"spec":{}"deep"{}}}"#, r#"{"a":"#.repeat(200), "}".repeat(200));
        let entry = |service: &str, method: &str| {
            format!(
                r#"{{"logName":"projects/p/logs/cloudaudit.googleapis.com%2Factivity","protoPayload":{{
                    "serviceName":"{service}.googleapis.com","methodName":"{method}",
                    "request":{request},"response":{request},"status":{{}},"authenticationInfo":{{}}}}}}"#
            )
        };
        let cases = [
            (entry("storage", "storage.objects.update"), IgnoreReason::OtherService),
            (entry("compute", "v1.compute.instances.insert"), IgnoreReason::OtherMethod),
            (entry("run", "/Jobs.RunJob"), IgnoreReason::Execution),
            (entry("x", "x").replace("activity", "data_access"), IgnoreReason::DataAccess),
            (entry("x", "x").replace("cloudaudit", "other"), IgnoreReason::NotAudit),
        ];
        for (json, reason) in cases {
            PARSED.set(0);
            let entry = Entry::parse(json.as_bytes()).unwrap();
            let found = dispose(&entry, &Scope::default(), &OwnPrincipals::default(), Timestamp::UNIX_EPOCH);
            assert_eq!((found, PARSED.get()), (Disposition::Ignore(reason), 2), "{json}");
        }
    }
}
