//! Service accounts. <https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts>

use serde_json::{Map, Value};

use crate::sim::{
    api::{
        errors::Refusal,
        fields::{Field, flag, text},
        links, names,
        service::Service,
    },
    store::kind::{Audited, Draft, Kind, Rules},
};

pub static KIND: Kind = Kind {
    collection: "iam.serviceAccounts",
    service: Service::Iam,
    segment: "serviceAccounts",
    regional: false,
    methods: "iam.projects.serviceAccounts",
    permissions: "iam.serviceAccounts",
    message: "google.iam.admin.v1.ServiceAccount",
    fields: &[FIELDS],
    audited: Audited { resource: "service_account", id: "email_id", region: None },
    rules: &ServiceAccounts,
};

const FIELDS: &[Field] = &[
    text("name").output(),
    text("projectId").output(),
    text("uniqueId").output(),
    text("email").output(),
    text("displayName"),
    text("etag"),
    text("description"),
    text("oauth2ClientId").output(),
    flag("disabled").output(),
];

struct ServiceAccounts;

impl Rules for ServiceAccounts {
    fn listed_as(&self) -> Option<&'static str> {
        Some("accounts")
    }

    fn name(&self, id: &str, project: &str) -> String {
        format!("{id}@{project}.iam.gserviceaccount.com")
    }

    fn complete(&self, draft: &Draft<'_>, account: &mut Map<String, Value>) {
        account.insert("projectId".to_owned(), draft.project.into());
        account.insert("email".to_owned(), links::last(draft.path).into());
        for field in ["uniqueId", "oauth2ClientId"] {
            account.entry(field).or_insert_with(|| draft.draw.id().into());
        }
    }

    fn check(&self, draft: &Draft<'_>, _account: &Map<String, Value>) -> Result<(), Refusal> {
        let (id, _) = links::last(draft.path).split_once('@').unwrap_or_default();
        if names::is_label(id, 6..=30) {
            return Ok(());
        }
        Err(Refusal::invalid("The account ID does not have a length between 6 and 30, or is no lower-case label."))
    }
}
