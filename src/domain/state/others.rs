//! Users of connectors beyond what Cloud Run lists: asked for where a connector exists, or where something is to be removed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    plain,
    read::{FailureKind, Read, ReadFailure},
    workload::{Workload, WorkloadKind},
};
use crate::domain::{
    names::{ProjectId, Region, last_segment},
    target::Target,
};

/// What each list says.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Others {
    #[serde(serialize_with = "plain::read")]
    pub functions: Read<Vec<Workload>>,
    /// Versions of App Engine, where its app is in the target's region.
    #[serde(serialize_with = "plain::read")]
    pub versions: Read<Vec<Workload>>,
}

impl Others {
    pub fn lists(&self) -> [&Read<Vec<Workload>>; 2] {
        [&self.functions, &self.versions]
    }
}

/// Whether a refusal says that there is no user: the method does not exist, or its API is not enabled in the target's own
/// project. Of any other project, such as the caller's quota project, the refusal says nothing about the target.
pub(super) fn excludes(
    failure: &ReadFailure,
    target: &Target,
    projects: &BTreeMap<ProjectId, Read<ProjectId>>,
) -> bool {
    let own = || {
        let consumer = ProjectId::parse(failure.consumer.as_deref()?).ok()?;
        let id = if consumer.is_number() { projects.get(&consumer)?.as_ref().ok()? } else { &consumer };
        Some(*id == target.project)
    };
    match failure.kind {
        FailureKind::Absent => true,
        FailureKind::ApiDisabled => own().unwrap_or(false),
        _ => false,
    }
}

/// A function of the first generation, as cloudfunctions v1 has it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FunctionDocument {
    name: String,
    vpc_connector: String,
    vpc_connector_egress_settings: String,
}

impl FunctionDocument {
    pub fn workload(self) -> Workload {
        let name = last_segment(&self.name);
        Workload::by_connector(WorkloadKind::Function, name, &self.vpc_connector, &self.vpc_connector_egress_settings)
    }
}

/// An App Engine app: a project has one at most.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AppDocument {
    location_id: String,
}

impl AppDocument {
    /// The two oldest locations have names of their own. <https://cloud.google.com/appengine/docs/standard/locations>
    pub fn is_in(&self, region: &Region) -> bool {
        let location = match self.location_id.as_str() {
            "europe-west" => "europe-west1",
            "us-central" => "us-central1",
            location => location,
        };
        location == region.as_str()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct AppServiceDocument {
    name: String,
}

impl AppServiceDocument {
    pub fn id(&self) -> &str {
        last_segment(&self.name)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VersionDocument {
    name: String,
    vpc_access_connector: Option<VersionConnector>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct VersionConnector {
    name: String,
    egress_setting: String,
}

impl VersionDocument {
    pub fn workload(self, service: &str) -> Workload {
        let VersionConnector { name, egress_setting } = self.vpc_access_connector.unwrap_or_default();
        // Google's own example of the name begins with a slash.
        let connector = name.trim_start_matches('/');
        Workload::by_connector(
            WorkloadKind::Version,
            &format!("{service}/{}", last_segment(&self.name)),
            connector,
            &egress_setting,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        Target { project: ProjectId::parse("demo-project").unwrap(), region: Region::parse("europe-west1").unwrap() }
    }

    #[test]
    fn only_a_refusal_about_the_own_project_excludes_users() {
        let number = |text: &str| ProjectId::parse(text).unwrap();
        let projects = BTreeMap::from([
            (number("123456789012"), Ok(target().project)),
            (number("999999999999"), Ok(number("runner-project"))),
        ]);
        let cases = [
            (FailureKind::ApiDisabled, Some("123456789012"), true),
            (FailureKind::ApiDisabled, Some("demo-project"), true),
            (FailureKind::ApiDisabled, Some("999999999999"), false),
            (FailureKind::ApiDisabled, Some("runner-project"), false),
            // A number that could not be resolved.
            (FailureKind::ApiDisabled, Some("555555555555"), false),
            (FailureKind::ApiDisabled, None, false),
            (FailureKind::Absent, None, true),
            (FailureKind::Denied { permission: None }, Some("123456789012"), false),
            (FailureKind::Transient, None, false),
            (FailureKind::RegionClosed, None, false),
        ];
        for (kind, consumer, expected) in cases {
            let failure = ReadFailure {
                call: "cloudfunctions.projects.locations.functions.list".to_owned(),
                kind,
                message: String::new(),
                consumer: consumer.map(str::to_owned),
            };
            assert_eq!(excludes(&failure, &target(), &projects), expected, "{failure:?}");
        }
    }

    #[test]
    fn an_app_is_in_the_region_of_its_location() {
        let cases = [("europe-west", true), ("europe-west1", true), ("europe-west2", false), ("us-central", false)];
        for (location, expected) in cases {
            let app = AppDocument { location_id: location.to_owned() };
            assert_eq!(app.is_in(&target().region), expected, "{location}");
        }
    }
}
