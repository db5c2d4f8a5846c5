//! `POST /` and `POST /events`: log entries, in any form of delivery.

use std::{convert::Infallible, pin::Pin, sync::Arc};

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use futures_util::{FutureExt, future::join_all};
use http::{StatusCode, request::Parts};
use tokio::task::{JoinError, JoinHandle};

use super::{
    AppState,
    admission::Permit,
    auth::CallerRole,
    body,
    delivery::{Item, decode},
    logs::printable,
    problem::Problem,
    trace::RequestTrace,
};
use crate::{
    domain::audit::{
        classify::{Disposition, OwnPrincipals, dispose, router_request},
        reasons::{IgnoreReason, RejectReason},
        scope::Scope,
        signal::{Signal, Trigger},
    },
    reconcile::expand::{ExpandError, Reports},
};

/// What came of one event.
type Ended = Result<Reports, ExpandError>;

/// 204 once every run that the delivery asks for has ended; 429 if one of them should be asked for again. An event that no
/// redelivery would change is 204 too: whatever is refused comes again for days. Only what is no event at all is refused:
/// by its size (413), or by its media type or encoding (415).
///
/// # Errors
/// None: what is refused is answered.
pub fn receive(state: Arc<AppState>, request: Request) -> impl Future<Output = Result<Response, Infallible>> + Send {
    // Thousands may wait. What it takes to hear an entry has a place of its own, so that none of them keeps it.
    let heard = Box::pin(heard(state.clone(), request));
    answer(state, heard).map(|answer| Ok(answer.into_response()))
}

/// What a delivery asks for.
struct Heard {
    held: Permit,
    asked: RequestTrace,
    signals: Vec<Signal>,
}

/// `None` = nothing.
async fn heard(state: Arc<AppState>, request: Request) -> Result<Option<Heard>, Problem> {
    let (head, body) = request.into_parts();
    let held = state.admit(CallerRole::Caller, &head).await?;
    let body = body::read(&state.admission, body).await?;
    let signals = state.signals(&head, &body)?;
    Ok((!signals.is_empty()).then(|| Heard { held, asked: RequestTrace::of(&head), signals }))
}

async fn answer(
    state: Arc<AppState>,
    heard: Pin<Box<impl Future<Output = Result<Option<Heard>, Problem>>>>,
) -> Result<StatusCode, Problem> {
    let Some(Heard { held, asked, signals }) = heard.await? else { return Ok(StatusCode::NO_CONTENT) };
    let runs = asked.span().in_scope(|| state.submit(signals))?;
    let ended = state.admission.wait(&held, runs.map(Ok)).await?;
    match asked.span().in_scope(|| is_settled(ended)) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::again("not everything could be done now; the log and the reports tell why")),
    }
}

impl AppState {
    /// What a delivery asks for.
    fn signals(&self, head: &Parts, body: &[u8]) -> Result<Vec<Signal>, Problem> {
        let delivery = decode(&head.headers, body)?;
        let message = delivery.message_id.clone();
        tracing::debug!(
            form = delivery.form.label(),
            message_id = message.as_deref().map(printable).as_deref(),
            attempt = delivery.attempt,
            "delivery"
        );
        let (scope, own) = (self.app.scope(), self.app.own());
        let mut signals = Vec::new();
        delivery.each(|item| match self.judge(&item, &scope, own) {
            Disposition::Act(signal) => signals.push(signal),
            Disposition::Ignore(reason) => {
                self.app.metrics.event("ignored", reason.label());
                tracing::debug!(reason = reason.label(), "an event is ignored");
            }
            Disposition::Reject(reason) => {
                RequestTrace::of(head).span().in_scope(|| self.reject(&item, message.as_deref(), &reason));
            }
        });
        Ok(signals)
    }

    fn judge(&self, item: &Item<'_>, scope: &Scope, own: &OwnPrincipals) -> Disposition {
        let now = (self.app.engine.now)();
        // What cannot be read was delivered all the same.
        if !matches!(item, Item::NoEntry) {
            self.app.metrics.heard(now);
        }
        match item {
            Item::Entry(entry) => {
                // Even of entries that ask for no run.
                if let Some(request) = router_request(entry, scope) {
                    self.app.engine.hear(request);
                }
                dispose(entry, scope, own, now)
            }
            Item::NoEntry => Disposition::Ignore(IgnoreReason::NotAudit),
            Item::Malformed(reason) => Disposition::Reject(reason.clone()),
        }
    }

    /// The log gets the event's id and what is wrong, never the body.
    fn reject(&self, item: &Item<'_>, message: Option<&str>, reason: &RejectReason) {
        let id = match item {
            Item::Entry(entry) => entry.id(),
            Item::NoEntry | Item::Malformed(_) => message.unwrap_or_default().to_owned(),
        };
        self.app.metrics.event("rejected", reason.label());
        self.rejections.note(&self.app, reason, &id);
    }

    /// Asks for the runs of a delivery's signals. Each signal takes a place among those that wait, until its runs have ended:
    /// who delivered may hang up, the runs go on.
    fn submit(&self, signals: Vec<Signal>) -> Result<JoinHandle<Vec<Ended>>, Problem> {
        let Some(places) = self.run_slots.take(signals.len()) else {
            signals.iter().for_each(|_| self.app.metrics.event("shed", ""));
            return Err(Problem::again("as many events as this instance takes are waiting for their runs"));
        };
        let runs = signals.into_iter().map(|signal| {
            self.app.metrics.event("acted", "");
            tell(&signal.trigger);
            self.app.expander.submit(signal)
        });
        let runs = join_all(runs);
        Ok(self.app.tasks.spawn(async move {
            let ended = runs.await;
            drop(places);
            ended
        }))
    }
}

fn tell(trigger: &Trigger) {
    tracing::info!(
        event = printable(&trigger.event_id).as_ref(),
        method = printable(&trigger.method).as_ref(),
        resource = printable(&trigger.resource).as_ref(),
        "an event to act on"
    );
}

/// Whether a delivery is done with; false = it should come again.
fn is_settled(ended: Result<Vec<Ended>, JoinError>) -> bool {
    match ended {
        // Each is judged, and told, even if the first one decides.
        Ok(ended) => ended.into_iter().map(is_done).fold(true, |all, done| all & done),
        Err(died) => {
            tracing::error!(error = %died, "an event's task died");
            false
        }
    }
}

fn is_done(ended: Ended) -> bool {
    match ended {
        Ok(reports) => !reports.iter().any(|report| report.transient),
        Err(error) if error.transient => {
            tracing::warn!(%error, "an event has to come again");
            false
        }
        Err(error) => {
            tracing::error!(%error, "an event could not be expanded");
            true
        }
    }
}
