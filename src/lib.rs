//! egress-reconciler keeps the egress path of Cloud Run on Google Cloud: the VPC Access connector, its subnet, Cloud NAT
//! and a scoped firewall.
//!
//! # Flow
//!
//! ```text
//! delivery ─▶ entry ─▶ Disposition ─▶ expand ─▶ observe ─▶ demand ─▶ plan  ─▶ apply ─▶ observe again ─▶ Report ─▶ publish
//!  web        domain     domain        reconcile  reconcile  domain    domain  reconcile                domain   reconcile
//! ```
//!
//! An audit event says where to look, never what to do. What stands and what should stand are compared by pure functions;
//! the difference is finished data, and doing it makes no choice. The last look proves the result.
//!
//! # Rooms
//!
//! | room | what it is | uses |
//! |---|---|---|
//! | [`domain`] | pure decisions: entry, policy, state, desired, plan, report, and every sentence a person reads | – |
//! | [`google`] | the wire: one seam, a client with retries, operations and lists | – |
//! | [`sim`] | a small Google behind the same wire, good enough for gcloud | the seam of `google` |
//! | [`reconcile`] | the flow on one screen; queue, expansion, publishing, memory | `domain`, `google` |
//! | [`app`] | the one place that puts clouds, policy, publisher, clock and ids together | all but `web` and `cli` |
//! | [`web`] | the doors: events, sweep, state, health | `app`, `reconcile`, `domain` |
//! | [`cli`] | one file per command, progress and tables | `app`, `web`, `reconcile`, `domain` |
//!
//! `tests/layers.rs` holds these arrows, and the floors inside [`domain`] and [`sim`].
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
//! *observed* and what is *desired* give a *plan* of *steps*; *withheld* steps are held back by mode, budget, or because
//! allows come first; *waiting on* means the cloud must finish, *blocked by* that a person must act. An object is *owned*
//! if it bears our stamp, else *foreign*; a foreign connector that the policy lets us scope is *adopted*. A target without
//! a difference is *in sync*; a difference that nobody asked for is *drift*.
#![forbid(unsafe_code)]

pub mod app;
pub mod cli;
pub mod domain;
pub mod google;
pub mod reconcile;
pub mod sim;
pub mod web;
