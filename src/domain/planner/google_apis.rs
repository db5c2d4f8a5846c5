//! Google's APIs behind a narrow list.

use super::{
    draft::Draft,
    standing::{Ownership, Standing},
};
use crate::domain::{firewall::google_apis, state::egress::Egress, text};

/// One finding for the target, from the plan that first holds the deny.
pub(super) fn plan(draft: &mut Draft<'_>, standings: &[Standing<'_>]) {
    let mut cut: Vec<_> = standings
        .iter()
        .filter(|standing| standing.ownership != Ownership::Foreign && standing.required.frozen.is_none())
        .filter(|standing| standing.required.egress == Egress::AllTraffic)
        .filter(|standing| google_apis::are_stopped(&standing.settings.firewall, draft.now))
        .collect();
    cut.sort_by_key(|standing| &standing.required.connector);
    let Some(first) = cut.first() else { return };
    let connectors: Vec<_> = cut.iter().map(|standing| &standing.required.connector).collect();
    let vips_open = first.settings.firewall.google_apis;
    draft.findings.push(text::google_apis::stopped(&connectors, vips_open, &draft.observed.network_name));
}
