//! The flow: observe, decide, apply, look again, say what was done.
//!
//! `runner` holds that flow on one screen, for every kind of run. [`queue`] gives each target one run at a time, [`expand`] turns wider places
//! into targets, whose lists [`snapshot`] reads once for each project, [`history`] is what the process remembers, [`publish`] sends reports out.

pub mod apply;
pub mod break_glass;
pub mod breaker;
mod clock;
pub mod cloud_sql;
pub mod cloudevent;
pub mod completion;
mod engine;
pub mod expand;
pub mod history;
pub mod inspect;
mod lists;
mod look_again;
pub mod observe;
mod operations;
pub mod outbox;
mod outcome;
pub mod projects;
pub mod publish;
pub mod queue;
pub mod races;
pub mod reads;
mod refusals;
mod refused;
mod reserved;
mod routers;
pub mod routes;
mod run;
mod run_state;
mod runner;
mod seen_events;
pub mod snapshot;
mod users;
mod wishes;
mod write_locks;

pub use self::{
    clock::Clock,
    engine::{Engine, IdGenerator, Progress, RunObserver},
};
