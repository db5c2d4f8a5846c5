//! What a look has to ask beyond its first round before a plan can be made.

use jiff::Timestamp;

use super::{direct, nat};
use crate::domain::{
    audit::wanted::WantedConnector,
    demand::{CHANGES_WITHIN, demand, listed, owned_since},
    policy::Policy,
    state::{
        connector::ConnectorState,
        observed::{Needs, Observed},
        requirement::Required,
    },
};
/// What round two has to ask before a plan can be made.
pub fn needs(policy: &Policy, observed: &Observed, wanted: &[WantedConnector], now: Timestamp) -> Needs {
    let demand = demand(policy, observed, wanted, now);
    let takes_space = |required: &Required| match listed(observed, &required.connector) {
        Some(None) => true,
        Some(Some(found)) => {
            found.state == ConnectorState::Error && policy.for_connector(&required.connector).connector.repair
        }
        None => false,
    };
    let creates = demand.connectors.iter().any(takes_space);
    let untold = |required: &Required| {
        let own = || owned_since(policy, observed, &required.connector);
        match listed(observed, &required.connector) {
            // It was to be made, and is not there.
            Some(None) => own().is_some(),
            Some(Some(found)) => match found.state {
                ConnectorState::Error => true,
                // A change cannot be older than the subnet.
                state if state.is_changing() => own().is_none_or(|since| now.duration_since(since) >= CHANGES_WITHIN),
                _ => false,
            },
            None => false,
        }
    };
    let network_absent = observed.effective.as_ref().is_err_and(|failure| failure.is_absent());
    let network_policies = observed
        .effective
        .as_ref()
        .is_ok_and(|effective| effective.firewall_policys.iter().any(|policy| policy.kind().is_of_network()));
    let mut needs = Needs {
        network: creates || network_policies || network_absent && !demand.connectors.is_empty(),
        address_space: creates,
        operations: demand.connectors.iter().any(untold),
        traffic: demand.unused.iter().any(|connector| matches!(listed(observed, connector), Some(Some(_)))),
        elsewhere: demand.elsewhere.iter().map(|required| required.connector.clone()).collect(),
        ..Needs::default()
    };
    nat::needs(policy, observed, &demand, &mut needs);
    direct::needs(observed, &mut needs);
    needs
}
