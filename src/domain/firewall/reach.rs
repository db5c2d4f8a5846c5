//! What a connector can reach: sets of IPv4 range × protocol × ports, and how rules and policies decide over them.

mod decide;
mod dimensions;
mod listing;
mod matching;
mod packets;
mod services;

pub use self::{
    decide::{COMMON_TAG, Machines, Match, Sender, Stage, Verdict, VerdictKind, allowed, decide, denied, name_of},
    listing::{Destinations, Services, Traffic},
    matching::of_rule,
    packets::Reach,
};
