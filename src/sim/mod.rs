//! A small Google behind the wire, in the binary: Compute, VPC Access, Cloud Run, their audit log, Pub/Sub, and as much of
//! the services around them as an installation is made of and is checked by.
//!
//! It shares no document with the client: a fake that shares the client's structs shares its mistakes. What a kind's
//! documents hold stands in a table ([`kind::Kind`]), one validator ([`fields`]) reads every table, one [`store`] keeps
//! every document, and what takes time is a document's version in the future.
//!
//! ```text
//! request ─▶ route ─▶ call ─▶ compute | vpcaccess | run | flat ─▶ store, operations, audit ─▶ answer
//!               └ faults                 └ kinds: rules        push, scheduler ─▶ front ─▶ whoever listens
//! ```
//!
//! In a project whose world has `iam`, callers may do what that says and what IAM policies grant ([`bindings`]); in others
//! everybody may do everything.
//!
//! A world file that says nothing of App Engine or of functions, neither which APIs are enabled nor what there is, lets nobody
//! read them ([`world::Project::unknown`]).
//!
//! [`cloud::Cloud`] is the door: in process it is a `Transport`, over HTTP a router with the control endpoints `/sim/…`.

mod api;
mod audit;
pub mod cloud;
mod control;
mod dispatch;
pub mod faults;
pub mod http;
mod options;
mod outbound;
mod services;
mod state;
mod store;
#[cfg(test)]
mod tests;
pub mod world;
