use super::note;
use crate::domain::{codes::Code, names::NetworkRef, plan::Note};

pub fn missing(network: &NetworkRef) -> Note {
    note(
        Code::NetworkMissing,
        format!("network/{}", network.name),
        format!(
            "there is no network {network}; create it, or set `network.create: true` for a network of the project's own"
        ),
    )
}

pub fn legacy(network: &NetworkRef) -> Note {
    note(
        Code::LegacyNetwork,
        format!("network/{}", network.name),
        format!(
            "network {network} is a legacy network, which has no subnets, so no connector can be created in it; name a VPC network in `network.name`, or create one: `gcloud compute networks create NAME --subnet-mode=custom --project={}`",
            network.project
        ),
    )
}

pub fn create(network: &NetworkRef) -> String {
    format!("a required connector needs the network {}, which does not exist", network.name)
}
