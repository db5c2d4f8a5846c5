//! Secrets and their versions. The payload is a field of the version's document, which only `access` shows; its checksum is
//! stored and not verified.
//! <https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets>

use serde_json::{Map, Value};

use crate::sim::{
    api::{
        errors::Refusal,
        fields::{Field, any, choice, flag, long, map, message, text},
        service::Service,
    },
    store::{
        clock::written,
        documents::Accepted,
        kind::{Audited, Draft, Kind, Rules},
    },
};

pub static KIND: Kind = Kind {
    collection: "secretmanager.secrets",
    service: Service::SecretManager,
    segment: "secrets",
    regional: false,
    methods: "secretmanager.projects.secrets",
    permissions: "secretmanager.secrets",
    message: "google.cloud.secretmanager.v1.Secret",
    fields: &[FIELDS],
    audited: Audited { resource: "audited_resource", id: "method", region: None },
    rules: &Secrets,
};

pub static VERSIONS: Kind = Kind {
    collection: "secretmanager.versions",
    service: Service::SecretManager,
    segment: "versions",
    regional: false,
    methods: "secretmanager.projects.secrets.versions",
    permissions: "secretmanager.versions",
    message: "google.cloud.secretmanager.v1.SecretVersion",
    fields: &[VERSION],
    audited: Audited { resource: "audited_resource", id: "method", region: None },
    rules: &Versions,
};

const FIELDS: &[Field] = &[
    text("name"),
    any("replication").fixed(),
    map("labels"),
    map("annotations"),
    any("versionAliases"),
    any("topics").repeated(),
    any("rotation"),
    text("expireTime"),
    text("ttl"),
    text("versionDestroyTtl"),
    any("customerManagedEncryption"),
    text("etag"),
    text("createTime").output(),
];

pub const PAYLOAD: &[Field] = &[text("data"), long("dataCrc32c")];

const VERSION: &[Field] = &[
    text("name"),
    text("createTime").output(),
    text("destroyTime").output(),
    text("etag"),
    choice("state", &["ENABLED", "DISABLED", "DESTROYED"]),
    any("replicationStatus").output(),
    flag("clientSpecifiedPayloadChecksum").output(),
    message("payload", PAYLOAD),
];

struct Secrets;

impl Rules for Secrets {
    fn complete(&self, draft: &Draft<'_>, secret: &mut Map<String, Value>) {
        secret.entry("createTime").or_insert_with(|| written(draft.now).into());
        secret.insert("etag".to_owned(), draft.etag());
    }

    fn check(&self, _draft: &Draft<'_>, secret: &Map<String, Value>) -> Result<(), Refusal> {
        match secret.get("replication") {
            Some(_) => Ok(()),
            None => Err(Refusal::invalid("The field [secret.replication] must be provided.")),
        }
    }
}

struct Versions;

impl Rules for Versions {
    fn within(&self) -> Option<&'static str> {
        Some(KIND.segment)
    }

    fn present(&self, _standing: Accepted<'_>, version: &mut Value) {
        version.as_object_mut().map(|fields| fields.remove("payload"));
    }
}
