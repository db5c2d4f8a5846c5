//! The network itself: the policy's, created only where the policy says so.

use super::draft::Draft;
use crate::domain::{
    demand::Desired,
    plan::{Change, Object, StepId},
    stamp::Stamp,
    state::network::Network,
    text,
};

/// What is known of the target's network.
pub(super) enum Standing {
    Stands {
        auto_mode: bool,
        policies_first: bool,
    },
    /// This plan creates it.
    Planned(StepId),
    /// Absent and not to be created, or unknown: nothing can be built on it.
    Missing,
}

pub(super) fn plan(draft: &mut Draft<'_>, desired: &Desired) -> Standing {
    let observed = draft.observed;
    let name = &observed.network_name;
    match &observed.network {
        // Google takes neither a subnet nor a connector there.
        Some(Ok(Some(network))) if network.is_legacy() => {
            if !desired.connectors.is_empty() {
                draft.blocked_by.push(text::network::legacy(name));
            }
            Standing::Missing
        }
        Some(Ok(Some(network))) => {
            Standing::Stands { auto_mode: network.auto_create_subnetworks, policies_first: network.policies_first() }
        }
        Some(Err(_)) => Standing::Missing,
        Some(Ok(None)) if desired.connectors.is_empty() => Standing::Missing,
        Some(Ok(None)) => {
            let settings = draft.policy.for_target(&observed.target);
            if !settings.network.create || name.project != observed.target.project {
                draft.blocked_by.push(text::network::missing(name));
                return Standing::Missing;
            }
            let network = Network {
                name: name.name.to_string(),
                description: Stamp::new(&draft.policy.owner, name.to_string(), None).to_string(),
                ..Network::default()
            };
            let mode = settings.mode;
            Standing::Planned(draft.push(
                Change::Create(Object::Network(network)),
                Vec::new(),
                text::network::create(name),
                mode,
            ))
        }
        // Not asked: the effective firewalls of a network that is not there would have been an error.
        None if observed.effective.as_ref().is_err_and(|failure| failure.is_absent()) => Standing::Missing,
        None => Standing::Stands { auto_mode: false, policies_first: false },
    }
}
