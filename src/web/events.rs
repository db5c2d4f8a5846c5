//! `POST /` and `POST /events`: log entries, in any form of delivery.

use std::sync::Arc;

use axum::extract::{Request, State};
use futures_util::future::join_all;
use http::{StatusCode, request::Parts};
use tracing::Instrument;

use super::{
    AppState, body,
    caller::Caller,
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

/// 204 once every run that the delivery asks for has ended; 429 if one of them should be asked for again. An event that no
/// redelivery would change is 204 too: whatever is refused comes again for days. Only what is no event at all is refused:
/// by its size (413), or by its media type or encoding (415).
pub async fn receive(
    State(state): State<Arc<AppState>>,
    Caller(held): Caller,
    request: Request,
) -> Result<StatusCode, Problem> {
    let (head, body) = request.into_parts();
    let body = body::read(&state.admission, body).await?;
    let signals = state.signals(&head, &body)?;
    if signals.is_empty() {
        return Ok(StatusCode::NO_CONTENT);
    }
    let span = RequestTrace::of(&head).span();
    // Thousands may wait: none of them keeps what it brought.
    drop((head, body));
    match state.admission.wait(&held, settled(&state, signals)).instrument(span).await? {
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
}

/// Waits for the runs of a delivery's signals; false = it should come again. Each signal takes a place among those that
/// wait, until its runs have ended: who delivered may hang up, the runs go on.
async fn settled(state: &AppState, signals: Vec<Signal>) -> Result<bool, Problem> {
    let Some(places) = state.run_slots.take(signals.len()) else {
        signals.iter().for_each(|_| state.app.metrics.event("shed", ""));
        return Err(Problem::again("as many events as this instance takes are waiting for their runs"));
    };
    for signal in &signals {
        state.app.metrics.event("acted", "");
        tell(&signal.trigger);
    }
    let expander = state.app.expander.clone();
    let runs = async move {
        let reports = join_all(signals.into_iter().map(|signal| expander.submit(signal))).await;
        drop(places);
        reports
    };
    Ok(match state.app.tasks.spawn(runs.in_current_span()).await {
        // Each is judged, and told, even if the first one decides.
        Ok(reports) => reports.into_iter().map(is_settled).fold(true, |all, settled| all & settled),
        Err(died) => {
            tracing::error!(error = %died, "an event's task died");
            false
        }
    })
}

fn tell(trigger: &Trigger) {
    tracing::info!(
        event = printable(&trigger.event_id).as_ref(),
        method = printable(&trigger.method).as_ref(),
        resource = printable(&trigger.resource).as_ref(),
        "an event to act on"
    );
}

fn is_settled(result: Result<Reports, ExpandError>) -> bool {
    match result {
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
