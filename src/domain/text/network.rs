use super::note;
use crate::domain::{names::NetworkRef, plan::Note};

pub fn missing(network: &NetworkRef) -> Note {
    note(
        "network-missing",
        format!("network/{}", network.name),
        format!(
            "there is no network {network}; create it, or set `network.create: true` for a network of the project's own"
        ),
    )
}

pub fn create(network: &NetworkRef) -> String {
    format!("a required connector needs the network {}, which does not exist", network.name)
}
