//! What a failed deploy asked for, or a person in its place.
//!
//! A deploy that names a missing connector fails at once and leaves no workload behind, so the only statement of what
//! was wanted is the failed entry's own request. It is believed only as far as Google confirms it.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{entry::AuditLog, method::Service, scope::Scope, signal::Refused};
use crate::domain::{
    fields::Fields,
    names::{ConnectorRef, NameError, one_line},
    state::egress::Egress,
    target::Target,
};

/// `google.rpc.Code` PERMISSION_DENIED.
pub(super) const PERMISSION_DENIED: i64 = 7;

/// A connector that a deploy named and Google did not find, or that a person asks for before there is a deploy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WantedConnector {
    pub connector: ConnectorRef,
    pub egress: Egress,
    /// The job, service or worker pool, as the audit log names it; `None` = a person asked on the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
}

impl WantedConnector {
    /// Whether a resource, in the spelling of any API version, is the workload that asked.
    pub fn is_of(&self, resource: &str) -> bool {
        let Some(own) = &self.workload else { return false };
        own == resource || workload_key(own).is_some_and(|own| workload_key(resource).as_ref() == Some(&own))
    }

    /// Whether two are the wish of the same workload, or of a person for the same connector.
    pub fn same_origin(&self, other: &Self) -> bool {
        match &other.workload {
            Some(workload) => self.is_of(workload),
            None => self.workload.is_none() && self.connector == other.connector,
        }
    }
}

/// The collection, in lower case, and the name: `namespaces/P/jobs/J` and `projects/P/locations/R/jobs/J` are one job. A
/// version of App Engine is known with its service: `default/versions/v1`.
pub fn workload_key(resource: &str) -> Option<(String, &str)> {
    let mut parts = resource.rsplit('/');
    let (name, collection) = (parts.next()?, parts.next()?.to_ascii_lowercase());
    if collection == "versions" {
        return Some((collection, resource.rsplit_once("services/")?.1));
    }
    matches!(collection.as_str(), "jobs" | "services" | "workerpools" | "instances" | "functions")
        .then_some((collection, name))
}

/// The connector that a failed deploy wanted, if everything in the entry confirms it: the call was not refused for want
/// of a permission, Cloud Run granted the caller one, Google's sentence names the connector that the request names, and
/// it lies in the workload's own region, and project as far as a project's number can tell. Whether the number is that of the
/// project, and the connector missing indeed, only a read can say.
pub(super) fn wanted(audit: &AuditLog<'_>, target: &Target, scope: &Scope) -> Option<WantedConnector> {
    let status = audit.status();
    if matches!(status.code, 0 | PERMISSION_DENIED) {
        return None;
    }
    let (asked, confirmed, egress) = named_twice(audit, target, scope)?;
    let own = |of: &ConnectorRef| of.project == target.project || of.project.is_number();
    let ours = own(&asked) && own(&confirmed) && asked.region == target.region;
    // Either may write the project as a number: that is what is left to be looked up.
    let connector = if asked.project.is_number() { asked } else { confirmed };
    ours.then(|| WantedConnector { connector, egress, workload: Some(audit.resource().into()) })
}

/// A refused deploy, with the connector, of whatever project, that it named. It is only looked at: whether the connector is
/// missing, or Cloud Run's agent may not use it, Google's sentence does not tell. `None` = no deploy, or one that names no
/// connector of the workload's region.
pub(super) fn refused(audit: &AuditLog<'_>, target: &Target, scope: &Scope) -> Option<Refused> {
    let (status, request, resource) = (audit.status(), audit.request(), audit.resource());
    let is_deploy = workload_key(&resource).is_some() && !is_deletion(&audit.method());
    if status.code == 0 || !is_deploy {
        return None;
    }
    let service = granted_by(audit)?;
    let here = |name: &str| resolve(name, target, scope).ok().filter(|connector| connector.region == target.region);
    let asked = asked(audit).map(|(name, _)| here(&name));
    let confirmed = missing_connector(service, &status.message).and_then(here);
    let (connector, is_unusable) = match (asked, confirmed) {
        (Some(asked), confirmed) => {
            let asked = asked?;
            let is_it = |confirmed: &ConnectorRef| {
                let same = asked.project == confirmed.project;
                asked.name == confirmed.name && (same || asked.project.is_number() || confirmed.project.is_number())
            };
            match confirmed.filter(is_it) {
                Some(confirmed) if asked.project.is_number() => (Some(confirmed), true),
                confirmed => (Some(asked), confirmed.is_some()),
            }
        }
        (None, Some(confirmed)) => (Some(confirmed), true),
        (None, None) if !names_a_workload(&request) && audit.app_request().is_none() => (None, false),
        (None, None) => return None,
    };
    Some(Refused { connector, is_unusable, words: one_line(&status.message) })
}

/// Whether a request holds the workload: that of an operation's last entry may not.
fn names_a_workload(request: &Fields<'_>) -> bool {
    ["job", "service", "workerPool", "instance", "function", "version", "spec", "template"]
        .iter()
        .any(|name| request.has(name))
}

fn is_deletion(method: &str) -> bool {
    method.rsplit('.').next().unwrap_or(method).to_ascii_lowercase().starts_with("delete")
}

/// The connector that the request names and the one that Google's sentence names, if they agree in name and region, and
/// Cloud Run granted the caller a permission.
fn named_twice(audit: &AuditLog<'_>, target: &Target, scope: &Scope) -> Option<(ConnectorRef, ConnectorRef, Egress)> {
    let service = granted_by(audit)?;
    let status = audit.status();
    let (name, egress) = asked(audit)?;
    let asked = resolve(&name, target, scope).ok()?;
    let confirmed = resolve(missing_connector(service, &status.message)?, target, scope).ok()?;
    (asked.name == confirmed.name && asked.region == confirmed.region).then_some((asked, confirmed, egress))
}

/// The service that was asked to deploy, if it granted the caller one of its own permissions.
fn granted_by(audit: &AuditLog<'_>) -> Option<Service> {
    let service = Service::of(&audit.service()).filter(|service| service.deploys())?;
    let (prefix, _) = service.host().split_once('.')?;
    audit.was_granted(&format!("{prefix}.")).then_some(service)
}

/// The connector that a deploy names.
fn asked<'a>(audit: &AuditLog<'a>) -> Option<(Cow<'a, str>, Egress)> {
    vpc_access(&audit.request()).or_else(|| vpc_access(&audit.app_request()?))
}

/// The connector in the service's own sentence. Cloud Run says the same when the API is disabled or a permission is missing.
/// App Engine's sentence is not known: it counts where it has the connector's full name and says that something does not
/// exist.
fn missing_connector(service: Service, message: &str) -> Option<&str> {
    let sentence = match service {
        Service::Run => " does not exist, or Cloud Run does not have permission to use it",
        Service::Functions => " is not ready yet or does not exist",
        Service::AppEngine => return named_as_missing(message),
        _ => return None,
    };
    let (before, _) = message.split_once(sentence)?;
    Some(before.rsplit_once("VPC connector ")?.1)
}

fn named_as_missing(message: &str) -> Option<&str> {
    let absent = ["does not exist", "not found"].iter().any(|words| message.contains(words));
    let mut words = message.split(|c: char| c.is_whitespace() || "'\"`,;()[]".contains(c));
    let full = |word: &&str| word.starts_with("projects/") && word.contains("/connectors/");
    words.find(full).filter(|_| absent).map(|name| name.trim_end_matches(['.', ':']))
}

fn resolve(name: &str, target: &Target, scope: &Scope) -> Result<ConnectorRef, NameError> {
    let mut connector = ConnectorRef::parse(name, &target.project, &target.region)?;
    connector.project = scope.id(&connector.project).clone();
    Ok(connector)
}

/// The connector's name and the egress, in the request of any Cloud Run API version, of a function of the first generation,
/// or of an App Engine version.
fn vpc_access<'a>(request: &Fields<'a>) -> Option<(Cow<'a, str>, Egress)> {
    ["job", "service", "workerPool", "instance"]
        .iter()
        .filter_map(|name| request.object(name))
        .chain([request.clone()])
        .find_map(|workload| in_v2(&workload).or_else(|| in_v1(&workload)))
        .or_else(|| {
            let function = request.object("function")?;
            Some((function.text("vpcConnector")?, egress(function.text("vpcConnectorEgressSettings"))))
        })
        .or_else(|| {
            let access = request.at(&["version", "vpcAccessConnector"])?;
            Some((access.text("name")?, egress(access.text("egressSetting"))))
        })
}

/// A job has a template of executions around the template of tasks; an instance has none.
fn in_v2<'a>(workload: &Fields<'a>) -> Option<(Cow<'a, str>, Egress)> {
    const PLACES: [&[&str]; 3] = [&["template", "vpcAccess"], &["template", "template", "vpcAccess"], &["vpcAccess"]];
    let access = PLACES.iter().find_map(|path| workload.at(path))?;
    Some((access.text("connector")?, egress(access.text("egress"))))
}

/// <https://cloud.google.com/run/docs/reference/rest/v1/ObjectMeta>
fn in_v1<'a>(workload: &Fields<'a>) -> Option<(Cow<'a, str>, Egress)> {
    let annotations = workload.at(&["spec", "template", "metadata", "annotations"])?;
    let connector = annotations.text("run.googleapis.com/vpc-access-connector")?;
    Some((connector, egress(annotations.text("run.googleapis.com/vpc-access-egress"))))
}

fn egress(text: Option<Cow<'_, str>>) -> Egress {
    text.map(|text| Egress::parse(&text)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_request() {
        use Egress::*;
        const NOTE: &str = r#""run.googleapis.com/vpc-access-connector":"c1","run.googleapis.com/vpc-access-egress""#;
        let v1 = |egress: &str| format!(r#"{{"template":{{"metadata":{{"annotations":{{{NOTE}:{egress}}}}}}}}}"#);
        let cases: &[(String, Option<Egress>)] = &[
            (r#"{"job":{"template":{"template":{"vpcAccess":{"connector":"c1"}}}}}"#.into(), Some(PrivateRangesOnly)),
            (
                r#"{"job":{"template":{"template":{"vpc_access":{"connector":"c1","egress":1}}}}}"#.into(),
                Some(AllTraffic),
            ),
            (
                r#"{"service":{"template":{"vpcAccess":{"connector":"c1","egress":"ALL_TRAFFIC"}}}}"#.into(),
                Some(AllTraffic),
            ),
            (
                r#"{"worker_pool":{"template":{"vpcAccess":{"connector":"c1","egress":2}}}}"#.into(),
                Some(PrivateRangesOnly),
            ),
            (format!(r#"{{"job":{{"spec":{}}}}}"#, v1(r#""all-traffic""#)), Some(AllTraffic)),
            (format!(r#"{{"service":{{"spec":{}}}}}"#, v1(r#""private-ranges-only""#)), Some(PrivateRangesOnly)),
            (format!(r#"{{"spec":{}}}"#, v1(r#""all""#)), Some(AllTraffic)),
            (format!(r#"{{"spec":{}}}"#, v1("[]")), Some(PrivateRangesOnly)),
            (r#"{"instance":{"vpcAccess":{"connector":"c1","egress":"ALL_TRAFFIC"}}}"#.into(), Some(AllTraffic)),
            (r#"{"job":{"template":{"template":{"vpcAccess":{"networkInterfaces":[{}]}}}}}"#.into(), None),
            (
                r#"{"function":{"vpcConnector":"c1","vpcConnectorEgressSettings":"ALL_TRAFFIC"}}"#.into(),
                Some(AllTraffic),
            ),
            (r#"{"function":{"vpc_connector":"c1"}}"#.into(), Some(PrivateRangesOnly)),
            (r#"{"function":{"runtime":"nodejs20"}}"#.into(), None),
            (
                r#"{"version":{"vpcAccessConnector":{"name":"c1","egressSetting":"ALL_TRAFFIC"}}}"#.into(),
                Some(AllTraffic),
            ),
            (
                r#"{"version":{"vpc_access_connector":{"name":"c1","egress_setting":"PRIVATE_IP_RANGES"}}}"#.into(),
                Some(PrivateRangesOnly),
            ),
            (r#"{"job":"...","template":3}"#.into(), None),
            ("{}".into(), None),
        ];
        for (request, expected) in cases {
            let found = vpc_access(&Fields::parse(request).unwrap());
            assert_eq!(
                found.as_ref().map(|(name, egress)| (&**name, *egress)),
                expected.map(|e| ("c1", e)),
                "{request}"
            );
        }
    }

    #[test]
    fn the_connector_in_the_sentence() {
        use Service::*;
        let name = "projects/p/locations/r/connectors/c";
        let run = format!(
            "Revision 'r' is not ready. VPC connector {name} does not exist, or Cloud Run does not have permission to use it."
        );
        let functions = format!("VPC connector {name} is not ready yet or does not exist.");
        let app_engine = format!("Connector '{name}' was not found.");
        let half = format!("VPC connector {name} does not exist");
        let cases = [
            (Run, run.as_str(), true),
            (Run, &functions, false),
            (Run, &app_engine, false),
            (Run, &half, false),
            (Run, "c does not exist, or Cloud Run does not have permission to use it", false),
            (Run, "VPC connector c is not ready", false),
            (Functions, &functions, true),
            (Functions, &run, false),
            (Functions, &half, false),
            (AppEngine, &app_engine, true),
            (AppEngine, &half, true),
            (AppEngine, "projects/p/locations/r/connectors/c is busy", false),
            (AppEngine, "The connector c was not found", false),
            (VpcAccess, &run, false),
        ];
        for (service, message, names_it) in cases {
            let found = missing_connector(service, message);
            assert_eq!(found, names_it.then_some(name), "{service:?}: {message}");
        }
    }
}
