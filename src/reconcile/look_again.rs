//! The look after a round that did all it was to do: what was written is read again, the rest is taken over from the look
//! before. Whatever it shows, nothing is written because of it: a plan with steps asks for a look at everything first.

use futures_util::future::OptionFuture;
use jiff::{SignedDuration, Timestamp};
use tokio::join;

use super::{apply::Applied, reads::read};
use crate::{
    domain::{
        audit::wanted::WantedConnector,
        demand,
        plan::{Change, HoldReason, Kind, Object, Plan, Step},
        planner::needs::needs,
        policy::Policy,
        state::observed::{Needs, Observed},
    },
    google::client::Client,
};

/// A look that is older is no base for another one.
const FRESH: SignedDuration = SignedDuration::from_secs(60);

/// The lists that a round changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Written {
    subnets: bool,
    connectors: bool,
    routers: bool,
    firewalls: bool,
}

impl Written {
    /// `None` = a look at everything has to follow: not all was done, there is more to write when such a look has found what
    /// was written, or a network was made, in which anything may stand.
    pub fn by(plan: &Plan, applied: &[Applied]) -> Option<Self> {
        // A new deny waits for its allows, and its mark for the deny.
        let is_new_deny =
            |step: &Step| matches!(&step.change, Change::Create(Object::Firewall(rule)) if rule.is_deny());
        let held = plan.withheld.iter().any(|held| held.why == HoldReason::AllowsFirst);
        let goes_on = held || plan.steps.iter().any(is_new_deny);
        if goes_on || !applied.iter().all(|step| step.report.is_done()) {
            return None;
        }
        let mut written = Self::default();
        for step in applied {
            match step.report.step.kind {
                Kind::Network => return None,
                Kind::Subnet => written.subnets = true,
                Kind::Router => written.routers = true,
                Kind::Firewall => written.firewalls = true,
                // With a connector come rules of Google's own.
                Kind::Connector => (written.connectors, written.firewalls) = (true, true),
            }
        }
        Some(written)
    }

    /// Whether what was asked before still answers what is needed now.
    fn leaves(self, needs: &Needs, observed: &Observed) -> bool {
        let answered = [
            (needs.network, observed.network.is_some()),
            (needs.address_space, observed.address_space.is_some() && !self.subnets && !self.connectors),
            (needs.operations, observed.operations.is_some() && !self.connectors),
            (needs.traffic, observed.traffic.is_some()),
            (needs.policy_routes, observed.policy_routes.is_some()),
            (needs.addresses, observed.addresses.is_some() && !self.routers),
        ];
        answered.into_iter().all(|(is_needed, is_answered)| !is_needed || is_answered)
            && needs.elsewhere.iter().all(|connector| observed.elsewhere.contains_key(connector))
            && (needs.router_status.is_empty() || !self.routers)
            && needs.router_status.iter().all(|router| observed.router_status.contains_key(router))
            && (needs.utilization.is_empty() || !self.subnets)
            && needs.utilization.iter().all(|subnet| observed.utilization.contains_key(subnet))
    }
}

/// Looks at what was written; `None` = that does not say enough. Effective firewalls are those of policies alone, which are
/// not ours to write.
pub(super) async fn look_again(
    client: &Client,
    policy: &Policy,
    before: Observed,
    written: &Written,
    wanted: &[WantedConnector],
    now: Timestamp,
) -> Option<Observed> {
    // What could not be read is worth another try.
    if !before.failures().is_empty() || now.duration_since(before.at) > FRESH {
        return None;
    }
    let mut observed = read_written(client, before, written).await;
    observed.at = now;
    let further = demand::further_users(policy, &observed, wanted, now);
    if further.executions && observed.executions.is_none() || further.others && observed.others.is_none() {
        return None;
    }
    observed.executions.take_if(|_| !further.executions);
    observed.others.take_if(|_| !further.others);
    let needs = needs(policy, &observed, wanted, now);
    if !written.leaves(&needs, &observed) {
        return None;
    }
    forget(&mut observed, &needs);
    Some(observed)
}

async fn read_written(client: &Client, before: Observed, written: &Written) -> Observed {
    let (project, region) = (before.target.project.as_str(), before.target.region.as_str());
    let host = before.network_name.project.as_str();
    let (connectors, subnets, routers, firewalls) = join!(
        OptionFuture::from(written.connectors.then(|| client.list_connectors(project, region))),
        OptionFuture::from(written.subnets.then(|| client.list_subnetworks(host, region))),
        OptionFuture::from(written.routers.then(|| client.list_routers(host, region))),
        OptionFuture::from(written.firewalls.then(|| client.list_firewalls(host))),
    );
    Observed {
        connectors: connectors.map_or(before.connectors, read),
        subnets: subnets.map_or(before.subnets, read),
        routers: routers.map_or(before.routers, read),
        firewalls: firewalls.map_or(before.firewalls, read),
        ..before
    }
}

/// Drops what is not needed any more, so that a decision sees what a look at everything would show it.
fn forget(observed: &mut Observed, needs: &Needs) {
    observed.network.take_if(|_| !needs.network);
    observed.address_space.take_if(|_| !needs.address_space);
    observed.operations.take_if(|_| !needs.operations);
    observed.traffic.take_if(|_| !needs.traffic);
    observed.policy_routes.take_if(|_| !needs.policy_routes);
    observed.addresses.take_if(|_| !needs.addresses);
    observed.elsewhere.retain(|connector, _| needs.elsewhere.contains(connector));
    observed.router_status.retain(|router, _| needs.router_status.contains(router));
    observed.utilization.retain(|subnet, _| needs.utilization.contains(subnet));
}
