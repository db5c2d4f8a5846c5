//! Repositories of Artifact Registry, without contents.
//! <https://cloud.google.com/artifact-registry/docs/reference/rest/v1/projects.locations.repositories>

use serde_json::{Map, Value};

use crate::sim::{
    api::{
        fields::{Field, any, choice, flag, long, map, text},
        links,
        service::Service,
    },
    store::kind::{Audited, Draft, Kind, Rules},
};

pub static KIND: Kind = Kind {
    collection: "artifactregistry.repositories",
    service: Service::ArtifactRegistry,
    segment: "repositories",
    regional: true,
    methods: "artifactregistry.projects.locations.repositories",
    permissions: "artifactregistry.repositories",
    message: "google.devtools.artifactregistry.v1.Repository",
    fields: &[FIELDS],
    audited: Audited { resource: "audited_resource", id: "method", region: None },
    rules: &Repositories,
};

const FIELDS: &[Field] = &[
    text("name"),
    choice("format", &["DOCKER", "MAVEN", "NPM", "APT", "YUM", "GOOGET", "PYTHON", "KFP", "GO", "GENERIC"]).fixed(),
    text("description"),
    map("labels"),
    text("createTime").output(),
    text("updateTime").output(),
    text("kmsKeyName").fixed(),
    choice("mode", &["STANDARD_REPOSITORY", "VIRTUAL_REPOSITORY", "REMOTE_REPOSITORY", "AOSS_REPOSITORY"]).fixed(),
    any("cleanupPolicies"),
    flag("cleanupPolicyDryRun"),
    any("dockerConfig"),
    any("mavenConfig"),
    any("virtualRepositoryConfig"),
    any("remoteRepositoryConfig"),
    any("vulnerabilityScanningConfig"),
    any("networkConfig"),
    flag("disallowUnspecifiedMode"),
    long("sizeBytes").output(),
    text("registryUri").output(),
];

struct Repositories;

impl Rules for Repositories {
    fn complete(&self, draft: &Draft<'_>, repository: &mut Map<String, Value>) {
        repository.entry("mode").or_insert_with(|| "STANDARD_REPOSITORY".into());
        draft.date(repository);
        if repository.get("format").is_some_and(|format| format == "DOCKER") {
            let (region, name) = (draft.region.unwrap_or_default(), links::last(draft.path));
            let uri = format!("{region}-docker.pkg.dev/{}/{name}", draft.project);
            repository.insert("registryUri".to_owned(), uri.into());
        }
    }
}
