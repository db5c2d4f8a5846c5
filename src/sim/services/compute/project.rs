//! A project as Compute shows it.

use serde_json::{Value, json};

use crate::sim::{
    api::{errors::Refusal, links},
    http::call::Call,
    state::State,
};

use super::quotas::quotas;

pub fn get(state: &State, call: &Call) -> Result<Value, Refusal> {
    state.may_read(call, "compute.projects.get", &call.path)?;
    let quota = |(metric, limit, usage)| json!({"metric": metric, "limit": limit, "usage": usage});
    Ok(json!({
        "kind": "compute#project",
        "id": state.dice.fixed(&call.path).id(),
        "name": call.project,
        "quotas": quotas(state, call).into_iter().map(quota).collect::<Vec<_>>(),
        "defaultServiceAccount": format!("{}-compute@developer.gserviceaccount.com", state.number(&call.project)),
        "selfLink": links::full(&call.path),
    }))
}
