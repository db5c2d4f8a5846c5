//! egress-reconciler keeps the egress path of Cloud Run on Google Cloud: the VPC Access connector, its subnet, Cloud NAT
//! and a scoped firewall.
//!
//! # Flow
//!
//! ```text
//! delivery ─▶ entry ─▶ Disposition ─▶ expand ─▶ observe ─▶ demand ─▶ design ─▶ plan ─▶ apply ─▶ observe again ─▶ Report ─▶ publish
//!  web        domain     domain        reconcile  reconcile  domain    domain    domain  reconcile                domain   reconcile
//! ```
//!
//! An audit event says where to look, never what to do:
//!
//! 1. [`web::events`](web) takes a delivery of Pub/Sub or Eventarc and unwraps the audit entry.
//! 2. [`domain::audit::classify`] decides whether it counts, and which place it is about.
//! 3. [`reconcile::expand`] turns a place into targets, each a region of a project, and [`reconcile::queue`] gives each
//!    target one run at a time.
//! 4. [`reconcile::observe`] reads what exists, and [`domain::demand`] finds who needs which connector.
//! 5. [`domain::design`] computes the blueprint, every object as it should be, and [`domain::planner`] compares it with what
//!    exists, orders the changes and holds back what may not be done.
//! 6. [`reconcile::apply`] makes the calls, and the next look proves the result or begins another round.
//! 7. [`domain::report`] says what was found and done, and [`reconcile::publish`] sends it out.
//!
//! # Rooms
//!
//! | room | what it is | uses |
//! |---|---|---|
//! | [`domain`] | pure decisions: entry, policy, state, demand, blueprint, plan, report, and every sentence a person reads | – |
//! | [`google`] | the wire: one seam, a client with retries, operations and lists | – |
//! | [`sim`] | a small Google behind the same wire, good enough for gcloud | the seam of `google` |
//! | [`reconcile`] | the flow on one screen; queue, expansion, publishing, memory | `domain`, `google` |
//! | [`app`] | the one place that puts clouds, policy, publisher, clock and ids together | all but `web` and `cli` |
//! | [`web`] | the doors: events, sweep, state, health | `app`, `reconcile`, `domain` |
//! | [`cli`] | one file per command, progress and tables | `app`, `web`, `reconcile`, `domain` |
//!
//! `tests/layers.rs` holds these arrows, and the floors inside [`domain`], [`reconcile`] and [`sim`].
//!
//! # What always holds
//!
//! Nothing without our stamp is written or deleted. Allows stand before the deny. No rule opens what another hand closed,
//! and no change of rules shuts, even for a moment, what was open before and is open after. A failed read leads to no step
//! that needs it. An empty scope means refuse. `tests/invariants` holds these over worlds made by chance.
//!
//! # Words
//!
//! A *signal* is an event that asks for work; a *target* is a region of a project, what is decided together. What is
//! *observed* and the *blueprint* of what should be give a *plan* of *steps*; *withheld* steps are held back by mode, budget, or because
//! allows come first; *waiting on* means the cloud must finish, *blocked by* that a person must act. An object is *owned*
//! if it bears our stamp, else *foreign*; a foreign connector that the policy lets us scope is *adopted*. A target without
//! a difference is *in sync*; a difference that nobody asked for is *drift*.
//!
//! # Adding to it
//!
//! *A kind of object that is written:* a variant of [`domain::plan::Object`] (the compiler then asks for its name, document
//! and calls in `reconcile/apply.rs`), its document in `domain/state`, its design in `domain/design`, its comparison in
//! `domain/planner`, its sentences in `domain/text`, its list in `reconcile/observe.rs`, its calls in `google/compute.rs` or
//! beside it, its permissions in `domain/permissions.rs` and `deploy/roles`, its methods in `domain/audit/method.rs` with the
//! sink's filter, and its kind in the simulated cloud (the four places that `sim/services/mod.rs` lists). Cases for it go to
//! `tests/cases/KIND`.
//!
//! *A door:* a file in `web` with its route in `web/mod.rs`; tests in `tests/attacks` for whoever may not use it.
//!
//! *A case:* a file in `tests/cases`; `tests/world/case_file.rs` says how it is written, and `cargo accept` writes what comes
//! of it.
//!
//! *A form of output:* a command in `cli` that reads the blueprint, the plan or a report and only serialises it; a table in
//! `cli/table`. Every text a person reads has a snapshot.
#![forbid(unsafe_code)]

pub mod app;
pub mod cli;
pub mod domain;
pub mod google;
pub mod reconcile;
pub mod sim;
pub mod web;

// What the tests in `tests` share, which name this library from outside.
#[cfg(test)]
extern crate self as egress_reconciler;
#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;
