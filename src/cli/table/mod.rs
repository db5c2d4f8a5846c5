//! Plans and reports as a person reads them: pure, text out.
//!
//! Every target is a heading, the steps and what is held back with their attributes, lists of what is to be known, the egress
//! state of each path, and a line that counts.

mod attributes;
mod draw;
mod path;
mod view;

pub use self::draw::{Look, plain};

use self::view::View;
use crate::domain::{explain::Path, plan::Plan, policy::Mode, report::Report, target::Target};

/// What would be done.
pub fn render_plan(plan: &Plan, mode: Mode, look: Look<'_>) -> String {
    draw::draw(&View::of_plan(plan, mode), look)
}

/// What was done, or, of a dry run, would be.
pub fn render_report(report: &Report, look: Look<'_>) -> String {
    draw::draw(&View::of_report(report), look)
}

/// One after the other.
pub fn render_reports(reports: &[Report], look: Look<'_>) -> String {
    reports.iter().map(|report| render_report(report, look)).collect::<Vec<_>>().join("\n")
}

/// Where a workload may go, and by what.
pub fn render_path(path: &Path, target: &Target, look: Look<'_>) -> String {
    path::draw(path, target, look)
}
