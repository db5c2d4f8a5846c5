//! A simulation of the Google Cloud APIs that this program and an installation of it use: Compute Engine, VPC Access, Cloud
//! Run, their audit logs, Pub/Sub, and what an installation needs of other services.
//!
//! It shares no types with the client, so that a mistake in the client's types does not go unnoticed. A table of kinds
//! (`store::kind`) describes every resource; validation (`api::fields`), the store (`store::documents`) and the audit
//! log read that table. An operation in progress is a version of a document in the future.
//!
//! ```text
//! control ─▶ cloud ─▶ dispatch ─▶ services ─▶ state: store, operations, audit log, messages
//!               │        └ http: host, route, call, faults
//!               └▶ outbound: push subscriptions, scheduled jobs ─▶ the container of a service
//! ```
//!
//! Each folder uses only those below it: `api`, then `store` and `faults`, `http`, `audit`, `state`, `services`, then `world`,
//! `outbound` and `dispatch`, then `cloud`, then `control`. How to add a kind of resource: see `services`.
//!
//! If a project of the world has `iam`, callers have the permissions that it lists and those that IAM policies grant
//! (`state::bindings`); otherwise they have all permissions. A world file that mentions neither enabled APIs nor resources
//! of App Engine or Cloud Functions refuses reads of them (`state::Project::unknown`).
//!
//! [`cloud::Cloud`] is the entry point: a `Transport` in process, and an HTTP router with the control endpoints `/sim/…`.

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
