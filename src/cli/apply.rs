//! `apply`: does what `plan` shows, and waits for what Google makes.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::time::{Instant, sleep};

use super::{
    args::{Common, Format, Writing},
    consent::{Consent, ConsentArgs, ask, interrupts},
    exit::{Exit, Failure},
    plan, print,
    progress::Progress,
    session::Session,
    table,
    wish::{self, WishArgs},
};
use crate::{
    domain::{
        codes::Code,
        names::{ProjectId, Region},
        plan::HoldReason,
        report::{Outcome, Report, StepOutcome, StepReport},
        reviewed::SavedPlan,
        target::Target,
    },
    reconcile::{
        completion::{Waiting, wait_for_connectors},
        queue::{Bounds, RunRequest, RunResult},
    },
};

/// How long to wait before a further run where no list tells whether what is waited for has changed.
const POLL: Duration = Duration::from_secs(5);
/// And where one does: the run tells what a list cannot, such as a change that will never end.
const LONG_POLL: Duration = Duration::from_secs(60);

/// Show the planned changes, ask, apply them, and wait for connectors that are being created
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 in sync, 2 not done or still waiting, 3 blocked, 1 error, STALE or not confirmed,\n130 Ctrl-C."
)]
pub struct Apply {
    /// A plan that `plan --out` wrote: do what it shows, and nothing else, without a question
    #[arg(value_name = "PLAN")]
    saved: Option<PathBuf>,
    /// A project of the policy's scope; may be repeated
    #[arg(long, env = "EGRESS_PROJECT", value_name = "PROJECT", required_unless_present = "saved", value_delimiter = ',', value_parser = ProjectId::parse)]
    project: Vec<ProjectId>,
    /// A region of the policy's scope; by default, all of them
    #[arg(long, env = "EGRESS_REGION", value_name = "REGION", value_parser = Region::parse)]
    region: Option<Region>,
    #[command(flatten)]
    wish: WishArgs,
    #[command(flatten)]
    consent: ConsentArgs,
    #[command(flatten)]
    writing: Writing,
    #[command(flatten)]
    common: Common,
}

impl Apply {
    pub async fn run(self) -> Result<Exit, Failure> {
        // A saved plan was read before.
        let asks = self.consent.asks() && self.saved.is_none();
        if self.saved.is_none() {
            self.consent.warn("apply");
        }
        let wanted = match self.saved {
            Some(_) => None,
            None => self.wish.wanted(&self.project, self.region.as_ref())?,
        };
        let session =
            Session::open(self.common.policy.as_ref(), &self.common.cloud, self.writing.report_topic.clone()).await?;
        let requests = match &self.saved {
            Some(file) => self.reviewed(&session, file).await?,
            None => {
                let targets = session.targets(&self.project, self.region.as_ref()).await?;
                RunRequest::of_targets(targets, wanted.as_ref())
            }
        };
        if self.consent.dry_run || asks {
            let found = session.look(&requests).await;
            wish::warn_if_it_exists(wanted.as_ref(), &found);
            if self.consent.dry_run || is_all_done(&found) {
                let exit = plan::show(&session, &found, self.common.format)?;
                return Ok(stale(found.iter().map(|found| &found.report)).map_or(exit, |error| exit.max(error)));
            }
            if let Consent::Refused(exit) = asked(&session, &found).await? {
                return Ok(exit);
            }
        }
        done(&session, requests, &self.writing, self.consent.quiet, self.common.format).await
    }

    /// The runs that a saved plan asks for.
    async fn reviewed(&self, session: &Session, file: &Path) -> Result<Vec<RunRequest>, Failure> {
        let path = file.display();
        let text = fs::read_to_string(file).map_err(|error| format!("cannot read the plan {path}: {error}"))?;
        let saved = SavedPlan::parse(&text).map_err(|error| format!("the plan {path}: {error}"))?;
        if saved.policy_hash != session.app.policy().hash {
            return Err("STALE: the policy has changed since the plan was saved; make the plan again".into());
        }
        self.wish.agrees_with(saved.wanted.as_ref())?;
        let policy = session.app.policy();
        for Target { project, region } in saved.reviews().map(|(target, _)| target) {
            session.has_project(Some(&project))?;
            if !policy.is_off(&project, Some(&region)) {
                session.reach(&project).await?;
            }
        }
        let (targets, reviews): (Vec<_>, Vec<_>) = saved.reviews().unzip();
        let requests = RunRequest::of_targets(targets, saved.wanted.as_ref()).into_iter().zip(reviews);
        let bound = |(request, review)| RunRequest { bounds: Bounds::Exactly(Arc::new(review)), ..request };
        let requests: Vec<_> = requests.map(bound).collect();
        self.covers(&requests)?;
        Ok(requests)
    }

    /// A project or region that is named beside a saved plan is that of the plan.
    fn covers(&self, requests: &[RunRequest]) -> Result<(), Failure> {
        let is_asked = |target: &Target| {
            (self.project.is_empty() || self.project.contains(&target.project))
                && self.region.as_ref().is_none_or(|region| *region == target.region)
        };
        match requests.iter().map(|request| &request.target).find(|target| !is_asked(target)) {
            Some(other) => Err(format!(
                "the plan has {} {}, which --project and --region do not name; a saved plan is done as a whole",
                other.project, other.region
            )
            .into()),
            None => Ok(()),
        }
    }
}

/// Says that a saved plan is not what would be done now, if it is so.
fn stale<'a>(reports: impl IntoIterator<Item = &'a Report>) -> Option<Exit> {
    let mut notes = reports.into_iter().flat_map(|report| &report.findings);
    let note = notes.find(|note| note.code == Code::PlanStale)?;
    print::error(&format!("error: STALE: {}", table::plain(&note.text)));
    Some(Exit::Error)
}

/// Nothing is to be written, now or when Google is ready.
pub fn is_all_done(found: &[RunResult]) -> bool {
    let is_done = |found: &RunResult| {
        found.plan.as_ref().is_none_or(|plan| plan.steps.is_empty()) && found.report.waiting_on.is_empty()
    };
    found.iter().all(is_done)
}

/// Shows what would be done, and asks.
pub async fn asked(session: &Session, found: &[RunResult]) -> Result<Consent, Failure> {
    print::error(plan::text(found, print::look_of_stderr(&session.flags)).trim_end());
    ask("Make these changes, and those that they make possible?").await
}

/// Does what was asked for, and tells what came of it.
pub async fn done(
    session: &Session,
    requests: Vec<RunRequest>,
    writing: &Writing,
    is_quiet: bool,
    format: Format,
) -> Result<Exit, Failure> {
    stop_when_asked(session)?;
    let reports = until_done(session, requests, writing.timeout, is_quiet).await;
    let exit = show(session, &reports, format)?;
    if let Some(error) = stale(&reports) {
        return Ok(exit.max(error));
    }
    Ok(if session.app.engine.stop.is_cancelled() { Exit::Interrupted } else { exit })
}

/// Prints what runs did.
fn show(session: &Session, reports: &[Report], format: Format) -> Result<Exit, Failure> {
    print_reports(session, reports, format)?;
    Ok(Exit::of_all(reports))
}

pub fn print_reports(session: &Session, reports: &[Report], format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => print::json(&reports)?,
        Format::Table => print::out(&table::render_reports(reports, print::look(&session.flags)))?,
    }
    Ok(())
}

/// Runs every target until it waits for nothing and makes no more progress, for at most `timeout`. One report for each
/// target, in their order; then one for each target of another project that these asked for.
pub async fn until_done(
    session: &Session,
    requests: Vec<RunRequest>,
    timeout: Duration,
    is_quiet: bool,
) -> Vec<Report> {
    let stop = &session.app.engine.stop;
    let progress = Progress::start(&session.app.engine.progress, is_quiet);
    let deadline = Instant::now() + timeout;
    let mut reports: Vec<Report> = Vec::new();
    // What a further run at a target may do is what the first one was asked for.
    let again = |target: &Target| {
        let first = requests.iter().find(|request| request.target == *target);
        first.map_or_else(|| RunRequest::new(target.clone()), RunRequest::again)
    };
    let mut next = requests.clone();
    let mut since: HashMap<Target, Instant> = HashMap::new();
    loop {
        let ended = session.write(next).await;
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
            next = unfinished.iter().map(again).collect();
            continue;
        }
        if waiting.is_empty() {
            break;
        }
        progress.wait(&waiting);
        let mut changes: FuturesUnordered<_> = waiting
            .iter()
            .filter_map(|report| Some((*report, report.target.as_ref()?)))
            .map(|(report, target)| {
                let since = *since.entry(target.clone()).or_insert_with(Instant::now);
                change(session, report, target, Waiting { since, targets: waiting.len() })
            })
            .collect();
        next = tokio::select! {
            Some(changed) = changes.next() => vec![again(changed)],
            () = sleep(left) => waiting.iter().filter_map(|report| report.target.as_ref()).map(again).collect(),
            () = stop.cancelled() => break,
        };
    }
    progress.end().await;
    let unsent = session.app.engine.outbox.flush().await;
    for report in reports.iter_mut() {
        report.transient |= unsent > 0;
    }
    reports
}

/// Returns the target when a further run may find what it waits for.
async fn change<'a>(session: &Session, report: &Report, target: &'a Target, waiting: Waiting) -> &'a Target {
    let waited_for = report.waiting_on.iter().map(|note| note.object.strip_prefix("connector/"));
    match waited_for.collect::<Option<Vec<&str>>>() {
        Some(names) => tokio::select! {
            () = wait_for_connectors(&session.app.engine.client, target, &names, waiting) => {}
            () = sleep(LONG_POLL) => {}
        },
        None => sleep(POLL).await,
    }
    target
}

/// Google is at work, and time will tell; after a failure only a person may.
fn is_under_way(report: &Report) -> bool {
    !report.waiting_on.is_empty() && report.outcome != Outcome::Failed
}

/// The run wrote something and ended with more to do, whatever it waits for beside: a run writes three times at most, a person
/// waits for the end. What the budget holds back is left to a later run.
fn has_more(report: &Report) -> bool {
    let skipped = |step: &StepReport| matches!(step.outcome, StepOutcome::Skipped { .. });
    let held = |why: HoldReason| report.withheld.iter().any(|held| held.why == why);
    let is_left_over = report.steps.iter().any(skipped) || held(HoldReason::AllowsFirst);
    matches!(report.outcome, Outcome::Drift | Outcome::Waiting)
        && report.changed()
        && is_left_over
        && !held(HoldReason::Budget)
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
///
/// # Errors
/// The system does not let us listen.
pub fn stop_when_asked(session: &Session) -> io::Result<()> {
    let stop = session.app.engine.stop.clone();
    let mut interrupts = interrupts()?;
    tokio::spawn(async move {
        interrupts.recv().await;
        print::error("stopping after the calls in flight; press Ctrl-C again to end immediately");
        stop.cancel();
        interrupts.recv().await;
        std::process::exit(Exit::Interrupted.code().into());
    });
    Ok(())
}
