//! `apply`: does what `plan` shows, and waits for what Google makes.

use std::{sync::Arc, time::Duration};

use clap::Args;
use tokio::time::{Instant, sleep};

use super::{
    args::{Common, Format, Where, Writing},
    exit::{Exit, Failure},
    print,
    progress::Progress,
    session::Session,
    table,
};
use crate::domain::{
    plan::HoldReason,
    report::{Outcome, Report, StepOutcome, StepReport},
    target::Target,
};

/// How long to wait before each further look at what Google is making.
const POLL: Duration = Duration::from_secs(5);

/// Apply the planned changes, and wait for connectors that are being created
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 in sync, 2 not done or still waiting, 3 blocked, 1 error.")]
pub struct Apply {
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    writing: Writing,
    #[command(flatten)]
    common: Common,
}

impl Apply {
    pub async fn run(self) -> Result<Exit, Failure> {
        let session = Session::open(self.common.policy.clone(), self.writing.report_topic)?;
        let targets = session.targets(&self.place.project, self.place.region.as_ref()).await?;
        let reports = until_done(&session, targets, self.writing.timeout).await;
        show(&reports, self.common.format)
    }
}

/// Prints what runs did.
pub fn show(reports: &[Report], format: Format) -> Result<Exit, Failure> {
    print_reports(reports, format)?;
    Ok(Exit::of_all(reports))
}

pub fn print_reports(reports: &[Report], format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => print::json(&reports)?,
        Format::Table => {
            let look = print::look();
            let tables: Vec<_> = reports.iter().map(|report| table::render_report(report, look)).collect();
            print::out(&tables.join("\n"))?;
        }
    }
    Ok(())
}

/// Runs every target until it waits for nothing and makes no more progress, for at most `timeout`. One report for each
/// target, in their order; then one for each target of another project that these asked for.
pub async fn until_done(session: &Session, targets: Vec<Target>, timeout: Duration) -> Vec<Report> {
    let stop = &session.app.engine.stop;
    let progress = Progress::start(&session.app.engine.progress);
    stop_when_asked(session);
    let deadline = Instant::now() + timeout;
    let mut reports: Vec<Report> = Vec::new();
    let mut targets = targets;
    loop {
        let ended = session.write(targets).await;
        let unfinished: Vec<Target> =
            ended.iter().filter(|report| has_more(report)).filter_map(|report| report.target.clone()).collect();
        for report in ended {
            add(&mut reports, Arc::unwrap_or_clone(report));
        }
        let waiting: Vec<_> = reports.iter().filter(|report| is_under_way(report)).collect();
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || stop.is_cancelled() {
            break;
        }
        if !unfinished.is_empty() {
            targets = unfinished;
            continue;
        }
        if waiting.is_empty() {
            break;
        }
        progress.wait(waiting.iter().flat_map(|report| &report.waiting_on));
        tokio::select! {
            () = sleep(POLL.min(left)) => {}
            () = stop.cancelled() => break,
        }
        targets = waiting.iter().filter_map(|report| report.target.clone()).collect();
    }
    progress.end().await;
    let unsent = session.app.engine.outbox.flush().await;
    for report in reports.iter_mut() {
        report.transient |= unsent > 0;
    }
    reports
}

/// Google is at work, and time will tell; after a failure only a person may.
fn is_under_way(report: &Report) -> bool {
    !report.waiting_on.is_empty() && report.outcome != Outcome::Failed
}

/// The run wrote something and ended with more to do: a run writes three times at most, a person waits for the end. What the
/// budget holds back is left to a later run.
fn has_more(report: &Report) -> bool {
    let skipped = |step: &StepReport| matches!(step.outcome, StepOutcome::Skipped { .. });
    let held = |why: HoldReason| report.withheld.iter().any(|held| held.why == why);
    let is_left_over = report.steps.iter().any(skipped) || held(HoldReason::AllowsFirst);
    report.outcome == Outcome::Drift && report.changed() && is_left_over && !held(HoldReason::Budget)
}

/// One report for each target.
fn add(reports: &mut Vec<Report>, report: Report) {
    match reports.iter_mut().find(|known| known.target == report.target) {
        Some(known) if report.started < known.started => *known = joined(&report, known),
        Some(known) => *known = joined(known, &report),
        None => reports.push(report),
    }
}

/// Two runs over one target as one: the last look, and all that was done.
fn joined(earlier: &Report, later: &Report) -> Report {
    let mut report = later.clone();
    report.started = earlier.started;
    report.decided = earlier.decided;
    report.rounds += earlier.rounds;
    // What an earlier run left over, a later one did or tells again.
    let tried = earlier.steps.iter().filter(|step| !matches!(step.outcome, StepOutcome::Skipped { .. }));
    report.steps = tried.chain(&later.steps).cloned().collect();
    for (method, count) in &earlier.calls {
        *report.calls.entry(method.clone()).or_default() += count;
    }
    if report.outcome == Outcome::InSync && report.changed() {
        report.outcome = Outcome::Changed;
    }
    report
}

/// The first Ctrl-C begins no further step and lets those under way end; the second ends the process.
fn stop_when_asked(session: &Session) {
    let stop = session.app.engine.stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            print::error("stopping after the calls in flight; press Ctrl-C again to end immediately");
            stop.cancel();
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(130);
        }
    });
}
