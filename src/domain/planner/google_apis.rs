//! Google's APIs behind a narrow list.

use super::draft::Draft;
use crate::domain::{
    design::{Ownership, Path},
    firewall::google_apis,
    state::egress::Egress,
    text,
};

/// One finding for the target, from the plan that first holds the deny.
pub(super) fn plan(draft: &mut Draft<'_>, paths: &[Path<'_>]) {
    let mut cut: Vec<_> = paths
        .iter()
        .filter(|path| path.ownership != Ownership::Foreign && path.required.frozen.is_none())
        .filter(|path| path.required.egress == Egress::AllTraffic)
        .filter(|path| google_apis::are_stopped(&path.settings.firewall, draft.now))
        .collect();
    cut.sort_by_key(|path| &path.required.connector);
    let Some(first) = cut.first() else { return };
    let connectors: Vec<_> = cut.iter().map(|path| &path.required.connector).collect();
    let vips_open = first.settings.firewall.google_apis;
    draft.findings.push(text::google_apis::stopped(&connectors, vips_open, &draft.observed.network_name));
}
