//! Plans and reports as a person reads them: pure, text out.
//!
//! Every target is a heading, a table of steps and of what is held back, lists of what is to be known, the egress state of
//! each connector, and a line that counts.

mod draw;
mod path;
mod view;

pub use self::draw::{Look, plain};

use self::view::View;
use crate::domain::{explain::Path, plan::Plan, policy::Mode, report::Report, target::Target};

/// What would be done.
pub fn render_plan(plan: &Plan, mode: Mode, look: Look) -> String {
    draw::draw(&View::of_plan(plan, mode), look)
}

/// What was done, or, of a dry run, would be.
pub fn render_report(report: &Report, look: Look) -> String {
    draw::draw(&View::of_report(report), look)
}

/// Where a workload may go, and by what.
pub fn render_path(path: &Path, target: &Target, look: Look) -> String {
    path::draw(path, target, look)
}
