//! Google's APIs behind a policy that does not name their public addresses.

use super::{list, note};
use crate::domain::{
    codes::Code,
    names::{ConnectorRef, NetworkRef},
    plan::Note,
};

fn setting(vips_open: bool) -> &'static str {
    if vips_open { "" } else { " and set `firewall.google_apis: true`" }
}

/// `vips_open`: the policy allows what private.googleapis.com leads to.
pub fn stopped(connectors: &[&ConnectorRef], vips_open: bool, network: &NetworkRef) -> Note {
    let first = connectors.first().map_or_else(String::new, |connector| connector.name.to_string());
    let names = list(connectors.iter().map(|connector| connector.name.to_string()));
    let noun = if connectors.len() == 1 { "connector" } else { "connectors" };
    let NetworkRef { project, name } = network;
    note(
        Code::GoogleApis,
        format!("connector/{first}"),
        format!(
            "{noun} {names}: the policy's deny stops Google's APIs at their public addresses, such as storage.googleapis.com, for workloads that send all their traffic this way, because no entry of `firewall.internet` allows tcp:443 to them. Either resolve googleapis.com to private.googleapis.com{}: `gcloud dns managed-zones create googleapis --project={project} --description=private.googleapis.com --dns-name=googleapis.com. --visibility=private --networks={name}`, with an A record private.googleapis.com for 199.36.153.8 to 199.36.153.11 and a CNAME record *.googleapis.com for private.googleapis.com; or add an entry with Google's ranges, or 0.0.0.0/0, and tcp:443 to `firewall.internet`. DNS is not checked: if such a zone already exists, Google's APIs are not blocked",
            setting(vips_open)
        ),
    )
}

/// What `policy check` warns of.
pub fn warning(vips_open: bool) -> String {
    format!(
        "no entry allows tcp:443 to the public addresses of Google's APIs (*.googleapis.com), so with `enforcement: enforce` workloads that send all their traffic through a connector cannot call them; create a private DNS zone that leads googleapis.com to private.googleapis.com{}, or add an entry with Google's ranges, or 0.0.0.0/0, and tcp:443",
        setting(vips_open)
    )
}
