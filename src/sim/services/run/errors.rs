//! Cloud Run's error messages.

use crate::sim::{api::errors::Refusal, http::call::Call, services::shared::lro, store::kind::Kind};

pub fn not_found(call: &Call, kind: &Kind) -> Refusal {
    let noun = kind.noun().to_uppercase();
    let region = call.region().unwrap_or_default();
    let (name, project) = (call.name(), &call.project);
    lro::not_found(&format!(
        "Resource '{name}' of kind '{noun}' in region '{region}' in project '{project}' does not exist."
    ))
}
