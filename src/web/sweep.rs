//! `POST /sweep`: a run over every target in scope, or over those named.

use std::{collections::BTreeSet, convert::Infallible, sync::Arc};

use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{
    HeaderMap, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use serde::Serialize;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{Instant, sleep_until},
};
use tracing::Instrument;

use super::{
    AppState,
    admission::Permit,
    ask::{FieldError, SweepRequest},
    body,
    caller::Admin,
    problem::Problem,
};
use crate::{
    app::App,
    domain::{
        names::ProjectId,
        report::{Outcome, Report, StepReport},
        target::Target,
    },
    reconcile::{Progress, expand::ExpandError, queue::RunRequest},
};

const NDJSON: &str = "application/x-ndjson";

/// What a sweep tells as it goes, one JSON object a line.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Line {
    Started { target: Target },
    Step { target: Target, step: Box<StepReport> },
    Report { report: Box<Report> },
    Done(Summary),
}

/// The last line.
#[derive(Debug, Default, Serialize)]
struct Summary {
    reports: usize,
    failed: usize,
    /// Targets whose report had not come when time was up.
    unfinished: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Unlisted>,
    /// This instance ends: another one has to be asked.
    #[serde(skip)]
    stopped: bool,
}

/// A project whose regions are unknown, so that none of them was swept.
#[derive(Debug, Serialize)]
struct Unlisted {
    project: ProjectId,
    message: String,
}

#[derive(Serialize)]
struct Swept {
    reports: Vec<Report>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Unlisted>,
    /// Targets whose report had not come when time was up; their runs go on.
    #[serde(skip_serializing_if = "is_zero")]
    unfinished: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// 200, or 207 if a run failed, a project could not be listed, or time ran out; 429 if this instance stops meanwhile.
/// `{"reports": [Report…]}`, or lines as they come if `Accept` asks for them.
pub async fn run(
    State(state): State<Arc<AppState>>,
    Admin(held, span): Admin,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let (app, admission) = (&state.app, &state.admission);
    let ask = SweepRequest::parse(&body::read(admission, body).await?, &app.scope())?;
    let (targets, errors) = admission.wait(&held, targets(app, &ask)).instrument(span.clone()).await?;
    if ask.is_all() {
        app.metrics.swept((app.engine.now)());
    }
    let lines = span.in_scope(|| begin(app.clone(), targets, errors, ask.dry_run, held.until));
    match wants_lines(&headers) {
        true => Ok(streamed(lines, held)),
        false => admission.wait(&held, gathered(lines)).await,
    }
}

fn wants_lines(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().any(|value| value.to_str().is_ok_and(|value| value.contains(NDJSON)))
}

/// What is to be swept, and the projects of which that could not be found out.
async fn targets(app: &App, ask: &SweepRequest) -> Result<(Vec<Target>, Vec<Unlisted>), Problem> {
    let policy = app.policy();
    let all = policy.scope.all().into_iter();
    let asked = all.filter(|project| ask.projects.is_empty() || ask.projects.contains(project));
    let (targets, failed) = app.expander.list(asked, &ask.regions).await;
    let unlisted = |error: ExpandError| Unlisted { message: error.to_string(), project: error.project };
    let errors: Vec<_> = failed.into_iter().map(unlisted).collect();
    let known: BTreeSet<_> = targets.iter().map(|target| &target.region).collect();
    if errors.is_empty()
        && let Some(index) = ask.regions.iter().position(|region| !known.contains(region))
    {
        let found = format!("{:?}", ask.regions[index].as_str());
        return Err(FieldError::new(format!("regions[{index}]"), &found, "a region that Cloud Run has").into());
    }
    Ok((targets, errors))
}

/// Starts the runs. They go on though nobody listens.
fn begin(
    app: Arc<App>,
    targets: Vec<Target>,
    errors: Vec<Unlisted>,
    dry_run: bool,
    until: Instant,
) -> UnboundedReceiver<Line> {
    let (lines, listener) = unbounded_channel();
    let tasks = app.tasks.clone();
    tasks.spawn(
        async move {
            sweep(&app, targets, errors, dry_run, until, lines).await;
        }
        .in_current_span(),
    );
    listener
}

async fn sweep(
    app: &App,
    targets: Vec<Target>,
    errors: Vec<Unlisted>,
    dry_run: bool,
    until: Instant,
    lines: UnboundedSender<Line>,
) {
    let mut summary = Summary { unfinished: targets.len(), errors, ..Summary::default() };
    let ours: BTreeSet<Target> = targets.iter().cloned().collect();
    let mut progress = app.engine.progress.subscribe();
    let request = |target| RunRequest { dry_run, sweep: true, ..RunRequest::new(target) };
    let reports = app.expander.in_turn(targets.into_iter().map(request).collect());
    let time_is_up = sleep_until(until);
    tokio::pin!(reports, time_is_up);
    loop {
        tokio::select! {
            // What a run told on its way comes before its report.
            biased;
            () = app.engine.stop.cancelled() => {
                summary.stopped = true;
                break;
            }
            () = &mut time_is_up => break,
            // A listener that falls behind misses steps, never a report. The engine keeps the channel open.
            Ok(progress) = progress.recv() => {
                if let Some(line) = line(progress, &ours) {
                    tell(&lines, line);
                }
            }
            report = reports.next() => {
                let Some(report) = report else { break };
                summary.reports += 1;
                summary.unfinished -= 1;
                summary.failed += usize::from(report.outcome == Outcome::Failed);
                tell(&lines, Line::Report { report: Box::new(Arc::unwrap_or_clone(report)) });
            }
        }
    }
    let stopped = summary.stopped;
    let Summary { reports: ended, failed, unfinished, .. } = summary;
    // An alert waits for this line.
    tracing::info!(reports = ended, failed, unfinished, dry_run, "sweep ended");
    tell(&lines, Line::Done(summary));
    // The answer is out, and ends here; the targets that nobody waits for any more have their turn all the same.
    drop(lines);
    while !stopped && reports.next().await.is_some() {}
}

fn line(progress: Progress, ours: &BTreeSet<Target>) -> Option<Line> {
    match progress {
        Progress::Started { target } => ours.contains(&target).then_some(Line::Started { target }),
        Progress::Step { target, step } => ours.contains(&target).then_some(Line::Step { target, step }),
        Progress::Planned { .. } | Progress::Done { .. } => None,
    }
}

fn tell(lines: &UnboundedSender<Line>, line: Line) {
    // Whoever asked may have hung up.
    let _ = lines.send(line);
}

async fn gathered(mut lines: UnboundedReceiver<Line>) -> Result<Response, Problem> {
    let mut reports = Vec::new();
    let mut summary = Summary::default();
    while let Some(line) = lines.recv().await {
        match line {
            Line::Report { report } => reports.push(*report),
            Line::Done(end) => summary = end,
            Line::Started { .. } | Line::Step { .. } => {}
        }
    }
    if summary.stopped {
        return Err(Problem::again("this instance is stopping"));
    }
    reports.sort_by(|a, b| a.target.cmp(&b.target));
    let status = match summary.failed + summary.errors.len() + summary.unfinished {
        0 => StatusCode::OK,
        _ => StatusCode::MULTI_STATUS,
    };
    Ok((status, Json(Swept { reports, errors: summary.errors, unfinished: summary.unfinished })).into_response())
}

/// The status is out before the first report is in: the last line tells how many failed.
fn streamed(lines: UnboundedReceiver<Line>, held: Permit) -> Response {
    let body = stream::unfold((lines, held), async |(mut lines, held)| {
        let line = lines.recv().await?;
        Some((Ok::<_, Infallible>(written(&line)), (lines, held)))
    });
    ([(CONTENT_TYPE, NDJSON)], Body::from_stream(body)).into_response()
}

fn written(line: &Line) -> Bytes {
    // Strings, numbers, lists and maps with string keys always have a JSON form.
    let mut text = serde_json::to_vec(line).unwrap_or_default();
    text.push(b'\n');
    text.into()
}
