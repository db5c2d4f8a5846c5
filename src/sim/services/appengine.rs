//! App Engine's app, services and versions.
//! <https://cloud.google.com/appengine/docs/admin-api/reference/rest/v1/apps.services.versions>

use crate::sim::{
    api::{
        fields::{Field, any, choice, flag, map, message, text},
        service::Service,
    },
    store::kind::{Audited, Kind, Plain, Rules},
};

const AUDITED: Audited = Audited { resource: "gae_app", id: "version_id", region: None };

pub static APP: Kind = Kind {
    collection: "appengine.apps",
    service: Service::AppEngine,
    segment: "",
    regional: false,
    methods: "appengine.apps",
    permissions: "appengine.applications",
    message: "google.appengine.v1.Application",
    fields: &[APP_FIELDS],
    audited: AUDITED,
    rules: &Plain,
};

pub static SERVICE: Kind = Kind {
    collection: "appengine.services",
    service: Service::AppEngine,
    segment: "services",
    regional: false,
    methods: "appengine.apps.services",
    permissions: "appengine.services",
    message: "google.appengine.v1.Service",
    fields: &[SERVICE_FIELDS],
    audited: AUDITED,
    rules: &Plain,
};

pub static KIND: Kind = Kind {
    collection: "appengine.versions",
    service: Service::AppEngine,
    segment: "versions",
    regional: false,
    methods: "appengine.apps.services.versions",
    permissions: "appengine.versions",
    message: "google.appengine.v1.Version",
    fields: &[FIELDS],
    audited: AUDITED,
    rules: &Versions,
};

struct Versions;

impl Rules for Versions {
    fn within(&self) -> Option<&'static str> {
        Some("services")
    }
}

const APP_FIELDS: &[Field] = &[
    text("name"),
    text("id"),
    text("locationId"),
    choice("servingStatus", &["UNSPECIFIED", "SERVING", "USER_DISABLED", "SYSTEM_DISABLED"]),
    choice(
        "databaseType",
        &["DATABASE_TYPE_UNSPECIFIED", "CLOUD_DATASTORE", "CLOUD_FIRESTORE", "CLOUD_DATASTORE_COMPATIBILITY"],
    ),
    text("authDomain"),
    text("codeBucket"),
    text("defaultBucket"),
    text("defaultHostname"),
    text("defaultCookieExpiration"),
    text("gcrDomain"),
    text("serviceAccount"),
    any("dispatchRules").repeated(),
    any("featureSettings"),
    any("iap"),
];

const SERVICE_FIELDS: &[Field] = &[text("name"), text("id"), any("split"), map("labels"), any("networkSettings")];

const FIELDS: &[Field] = &[
    text("name"),
    text("id"),
    text("runtime"),
    text("runtimeChannel"),
    text("env"),
    text("instanceClass"),
    choice("servingStatus", &["SERVING_STATUS_UNSPECIFIED", "SERVING", "STOPPED"]),
    message("vpcAccessConnector", &[text("name"), choice("egressSetting", EGRESS)]),
    any("vpcAccess"),
    any("network"),
    any("automaticScaling"),
    any("basicScaling"),
    any("manualScaling"),
    any("resources"),
    map("envVariables"),
    any("handlers").repeated(),
    any("deployment"),
    any("entrypoint"),
    flag("threadsafe"),
    flag("vm"),
    flag("appEngineApis"),
    text("serviceAccount"),
    text("diskUsageBytes"),
    text("createdBy"),
    text("createTime"),
    text("versionUrl"),
];

const EGRESS: &[&str] = &["EGRESS_SETTING_UNSPECIFIED", "ALL_TRAFFIC", "PRIVATE_IP_RANGES"];
