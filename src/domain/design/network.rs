//! The network itself: the policy's, created only where the policy says so.

use super::{Draft, Ground};
use crate::domain::{demand::Demand, stamp::Stamp, state::network::Network, text};

pub(super) fn design(draft: &mut Draft<'_>, demand: &Demand) -> Ground {
    let observed = draft.observed;
    let name = &observed.network_name;
    match &observed.network {
        // Google takes neither a subnet nor a connector there.
        Some(Ok(Some(network))) if network.is_legacy() => {
            if !demand.connectors.is_empty() {
                draft.block(text::network::legacy(name));
            }
            Ground::Missing
        }
        Some(Ok(Some(network))) => {
            Ground::Stands { auto_mode: network.auto_create_subnetworks, policies_first: network.policies_first() }
        }
        Some(Err(_)) => Ground::Missing,
        Some(Ok(None)) if demand.connectors.is_empty() => Ground::Missing,
        Some(Ok(None)) => {
            let settings = draft.policy.for_target(&observed.target);
            if !settings.network.create || name.project != observed.target.project {
                draft.block(text::network::missing(name));
                return Ground::Missing;
            }
            let network = Network {
                name: name.name.to_string(),
                description: Stamp::new(&draft.policy.owner, name.to_string(), None).to_string(),
                ..Network::default()
            };
            Ground::New(Box::new(network))
        }
        // Not asked: the effective firewalls of a network that is not there would have been an error.
        None if observed.effective.as_ref().is_err_and(|failure| failure.is_absent()) => Ground::Missing,
        None => Ground::Stands { auto_mode: false, policies_first: false },
    }
}
