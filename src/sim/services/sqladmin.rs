//! Cloud SQL instances. Read only.
//! <https://cloud.google.com/sql/docs/mysql/admin-api/rest/v1/instances>

use crate::sim::{
    api::{
        fields::{Field, any, choice, message, text},
        service::Service,
    },
    store::kind::{Audited, Kind, Plain},
};

pub static KIND: Kind = Kind {
    collection: "sql.instances",
    service: Service::SqlAdmin,
    segment: "instances",
    regional: false,
    methods: "sql.instances",
    permissions: "cloudsql.instances",
    message: "sql#instance",
    fields: &[FIELDS],
    audited: Audited { resource: "cloudsql_database", id: "database_id", region: Some("region") },
    rules: &Plain,
};

const FIELDS: &[Field] = &[
    text("kind"),
    text("name"),
    text("project"),
    text("region"),
    text("gceZone"),
    text("selfLink"),
    text("connectionName"),
    text("databaseVersion"),
    text("instanceType"),
    text("backendType"),
    choice(
        "state",
        &["RUNNABLE", "SUSPENDED", "PENDING_DELETE", "PENDING_CREATE", "MAINTENANCE", "FAILED", "ONLINE_MAINTENANCE"],
    ),
    any("settings"),
    message("ipAddresses", &[text("type"), text("ipAddress"), text("timeToRetire")]).repeated(),
    any("serverCaCert"),
    text("serviceAccountEmailAddress"),
    text("pscServiceAttachmentLink"),
    text("dnsName"),
    text("etag"),
    text("createTime"),
];
