//! The wire to Google's APIs: nothing here knows what the program is for.
//!
//! [`client::Client`] is what others hold. A call is described in `method`, takes its turn in the `governor`, is sent
//! through [`transport`] with the patience of `retry`, and its answer is a document of the caller's type or a [`error::CallError`]. The methods
//! themselves stand in [`compute`], [`vpcaccess`], [`run`], and, for an installation's check, in [`pubsub`], [`logging`],
//! [`projects`] and [`constraints`]; lists read every page (`paging`), and compute's
//! writes return when their operation has ended ([`operations`]).

pub mod appengine;
pub mod by_region;
pub mod calls;
pub mod client;
pub mod compute;
pub mod constraints;
pub mod credentials;
pub mod endpoints;
pub mod error;
mod error_body;
pub mod error_kind;
pub mod functions;
mod governor;
pub mod http;
pub mod logging;
mod method;
mod monitoring;
pub mod operations;
mod paging;
pub mod projects;
pub mod pubsub;
mod quotas;
mod retry;
mod routing;
pub mod run;
mod sqladmin;
pub mod transport;
pub mod vpcaccess;

#[cfg(test)]
mod tests;
