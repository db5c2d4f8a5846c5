//! Custom roles of a project. A deleted role keeps its name and can be undeleted; it is never purged.
//! <https://cloud.google.com/iam/docs/reference/rest/v1/projects.roles>

use serde_json::{Map, Value, json};

use crate::sim::{
    api::{
        errors::{Code, Refusal},
        fields::{Field, choice, flag, text},
        links,
        service::Service,
    },
    store::kind::{Audited, CustomMethod, Draft, Kind, Kinds, Rules},
};

pub static KIND: Kind = Kind {
    collection: "iam.roles",
    service: Service::Iam,
    segment: "roles",
    regional: false,
    methods: "iam.projects.roles",
    permissions: "iam.roles",
    message: "google.iam.admin.v1.Role",
    fields: &[FIELDS],
    audited: Audited { resource: "iam_role", id: "role_name", region: None },
    rules: &Roles,
};

const FIELDS: &[Field] = &[
    text("name"),
    text("title"),
    text("description"),
    text("includedPermissions").repeated(),
    choice("stage", &["ALPHA", "BETA", "GA", "DEPRECATED", "DISABLED", "EAP"]),
    text("etag"),
    flag("deleted").output(),
];

struct Roles;

impl Rules for Roles {
    fn complete(&self, draft: &Draft<'_>, role: &mut Map<String, Value>) {
        role.entry("stage").or_insert_with(|| "ALPHA".into());
        role.insert("etag".to_owned(), draft.etag());
    }

    fn check(&self, draft: &Draft<'_>, _role: &Map<String, Value>) -> Result<(), Refusal> {
        let name = links::last(draft.path);
        let is_sound = |c: char| c.is_ascii_alphanumeric() || "_.".contains(c);
        if !(3..=64).contains(&name.len()) || !name.chars().all(is_sound) {
            return Err(Refusal::invalid(format!("The role_id {name} is not of the form [a-zA-Z0-9_.]{{3,64}}.")));
        }
        match draft.before {
            Some(before) if before["deleted"] == true => Err(Refusal::new(
                Code::FAILED_PRECONDITION,
                "failedPrecondition",
                format!("You can't update role_id ({name}) because it is in a deleted state."),
            )),
            _ => Ok(()),
        }
    }

    fn custom_methods(&self) -> &'static [CustomMethod] {
        const CUSTOM_METHODS: &[CustomMethod] =
            &[CustomMethod { name: "undelete", body: &[text("etag")], permission: "undelete", apply: undelete }];
        CUSTOM_METHODS
    }

    fn remains(&self, role: &Value) -> Option<Value> {
        let mut role = role.clone();
        role["deleted"] = true.into();
        Some(role)
    }
}

fn undelete(_: &Draft<'_>, role: &mut Map<String, Value>, _: Map<String, Value>) -> Result<(), Refusal> {
    if role.remove("deleted").is_none() {
        let message = "You can't undelete a role that is not in a deleted state.";
        return Err(Refusal::new(Code::FAILED_PRECONDITION, "failedPrecondition", message));
    }
    Ok(())
}

/// The permissions that a custom role of a project may have: those that the simulation knows.
/// <https://cloud.google.com/iam/docs/reference/rest/v1/permissions/queryTestablePermissions>
pub fn testable(kinds: Kinds) -> Value {
    let of_kind = |kind: &&'static Kind| {
        let verbs = ["create", "delete", "get", "list", "update"];
        let own = kind.rules.custom_methods().iter().map(|method| method.permission);
        let permission = |verb| json!({"name": format!("{}.{verb}", kind.permissions), "stage": "GA"});
        verbs.into_iter().chain(own).map(permission).collect::<Vec<_>>()
    };
    json!({"permissions": kinds.0.iter().flat_map(of_kind).collect::<Vec<_>>()})
}
