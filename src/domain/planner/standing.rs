//! A required connector as NAT and firewall build on it.

use ipnet::Ipv4Net;

use crate::domain::{
    plan::StepId,
    policy::Policy,
    state::{connector::Connector, requirement::Required},
};

/// A required connector as it stands, or will stand after this plan: what NAT and firewall build on.
pub(super) struct Standing<'a> {
    pub required: &'a Required,
    pub settings: &'a Policy,
    pub ownership: Ownership,
    /// The subnet's relative name and range; `None` = it is hidden (CIDR form).
    pub subnet: Option<(String, Option<Ipv4Net>)>,
    /// The range, in either form.
    pub range: Option<Ipv4Net>,
    /// The step that makes the subnet, if this plan makes it.
    pub made_by: Option<StepId>,
    /// The range on which it is made again, while it is still in ERROR on `range`.
    pub next: Option<Ipv4Net>,
    /// It is deleted when its rules are ready for `next`.
    pub leaves: Option<&'a Connector>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ownership {
    Ours,
    Adopted,
    Foreign,
}
