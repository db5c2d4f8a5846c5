//! The regions of the world as locations of a service, and the errors for unknown or closed ones.

use serde_json::{Value, json};

use crate::sim::{
    api::{
        errors::{Code, Refusal},
        service::Service,
    },
    http::call::Call,
    state::State,
};

pub fn list(state: &State, call: &Call) -> Result<Value, Refusal> {
    let service = call.route.service.short();
    let project = format!("projects/{}", call.project);
    state.may_read(call, &format!("{service}.locations.list"), &project)?;
    let all = state.regions.iter().map(|region| (region.as_str(), region));
    let (page, next) = call.page(all, ("pageSize", 500))?;
    let one = |region: &String| {
        let labels = json!({"cloud.googleapis.com/region": region});
        json!({"name": format!("{project}/locations/{region}"), "locationId": region, "displayName": region, "labels": labels})
    };
    let mut answer = json!({"locations": page.into_iter().map(one).collect::<Vec<_>>()});
    if let Some(token) = next {
        answer["nextPageToken"] = token.into();
    }
    Ok(answer)
}

/// The error for a region that is not open to the project.
pub fn closed(service: Service, project: &str, region: &str) -> Refusal {
    let message = format!("Permission denied on 'locations/{region}' (or it may not exist).");
    // Compute names this field differently.
    let map = if service == Service::Compute { "metadatas" } else { "metadata" };
    Refusal::new(Code::PERMISSION_DENIED, "forbidden", message).with(json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "LOCATION_POLICY_VIOLATED",
        "domain": "googleapis.com",
        map: {"consumer": format!("projects/{project}"), "location": region},
    }))
}

/// The error for an unknown region, which differs by service.
pub fn unknown(service: Service, region: &str) -> Refusal {
    match (service, region) {
        (Service::Compute, _) => Refusal::value("region", region, "Unknown region."),
        (Service::Run, "-") => {
            Refusal::invalid("The parent must be a valid Google Cloud region, and cannot be the \"-\" wildcard.")
        }
        (Service::Run, _) => Refusal::invalid(format!("Unsupported region {region}")),
        _ => {
            let message = format!("Permission denied on 'locations/{region}' (or it may not exist).");
            Refusal::new(Code::PERMISSION_DENIED, "forbidden", message)
        }
    }
}
