//! `POST /` and `POST /events`: log entries, in any form of delivery.

use std::sync::Arc;

use axum::extract::{State, rejection::BytesRejection};
use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderMap, StatusCode};
use tracing::Instrument;

use super::{
    Front,
    delivery::{Delivery, Item, decode},
    logs::printable,
    problem::Problem,
};
use crate::{
    app::App,
    domain::{
        entry::Entry,
        event::{Disposition, OwnPrincipals, dispose},
        reasons::{IgnoreReason, RejectReason},
        scope::Scope,
        signal::Signal,
    },
};

/// 204 once every run that the delivery asks for has ended; 429 if one of them should be asked for again. What no
/// redelivery would change is 204 too: whatever is refused comes again for days.
pub async fn receive(
    State(front): State<Arc<Front>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Problem> {
    let body = body?;
    let delivery = decode(&headers, &body)?;
    tracing::debug!(
        form = delivery.form.label(),
        message_id = delivery.message_id.as_deref().map(printable).as_deref(),
        attempt = delivery.attempt,
        items = delivery.items.len(),
        "delivery"
    );
    let settled = join_all(front.signals(&delivery).into_iter().map(|signal| settle(&front.app, signal))).await;
    match settled.iter().all(|settled| *settled) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::again("not everything could be done now; the log and the reports tell why")),
    }
}

impl Front {
    fn signals(&self, delivery: &Delivery<'_>) -> Vec<Signal> {
        let (scope, own) = (self.app.scope(), self.app.own());
        let message = delivery.message_id.as_deref();
        delivery.items.iter().filter_map(|item| self.judge(item, message, &scope, &own)).collect()
    }

    fn judge(&self, item: &Item<'_>, message: Option<&str>, scope: &Scope, own: &OwnPrincipals) -> Option<Signal> {
        let now = (self.app.engine.now)();
        if matches!(item, Item::Entry(_)) {
            self.app.metrics.heard(now);
        }
        let disposition = match item {
            Item::Entry(json) => dispose(json, scope, own, now),
            Item::NoEntry => Disposition::Ignore(IgnoreReason::NotAudit),
            Item::Malformed(reason) => Disposition::Reject(reason.clone()),
        };
        match disposition {
            Disposition::Act(signal) => {
                self.app.metrics.event("acted", "");
                let trigger = &signal.trigger;
                tracing::info!(
                    event = printable(&trigger.event_id).as_ref(),
                    method = printable(&trigger.method).as_ref(),
                    resource = printable(&trigger.resource).as_ref(),
                    "an event to act on"
                );
                Some(signal)
            }
            Disposition::Ignore(reason) => {
                self.app.metrics.event("ignored", reason.label());
                tracing::debug!(reason = reason.label(), "an event is ignored");
                None
            }
            Disposition::Reject(reason) => {
                self.reject(item, message, &reason);
                None
            }
        }
    }

    /// The log gets the event's id and what is wrong, never the body.
    fn reject(&self, item: &Item<'_>, message: Option<&str>, reason: &RejectReason) {
        let entry = match item {
            Item::Entry(json) => Entry::parse(json).ok().map(|entry| entry.id()),
            Item::NoEntry | Item::Malformed(_) => None,
        };
        let id = entry.or_else(|| message.map(str::to_owned)).unwrap_or_default();
        self.app.metrics.event("rejected", reason.label());
        let text = reason.to_string();
        tracing::warn!(
            event = printable(&id).as_ref(),
            reason = reason.label(),
            "an event is rejected: {}",
            printable(&text)
        );
        self.rejections.note(&self.app, reason);
    }
}

/// Waits for the runs of one signal; false = it should come again.
async fn settle(app: &Arc<App>, signal: Signal) -> bool {
    // A task of its own: who delivered may hang up, the run goes on.
    match app.tasks.spawn(app.expander.submit(signal).in_current_span()).await {
        Ok(Ok(reports)) => !reports.iter().any(|report| report.transient),
        Ok(Err(error)) if error.transient => {
            tracing::warn!(%error, "an event has to come again");
            false
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "an event leads nowhere");
            true
        }
        Err(died) => {
            tracing::error!(error = %died, "an event's task died");
            false
        }
    }
}
