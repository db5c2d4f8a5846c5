//! Reports on their way out: one that could not be sent is kept, and goes first the next time.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

use super::publish::{Publish, PublishError};
use crate::domain::report::Report;

/// Reports kept; beyond it the oldest is dropped, loudly. Its writes stand in the log.
const KEPT: usize = 200;

pub struct Outbox {
    /// Replaced when the policy names another topic.
    publish: watch::Receiver<Arc<dyn Publish>>,
    /// Held while sending, so that reports leave in order.
    unsent: tokio::sync::Mutex<VecDeque<Report>>,
    refused: Mutex<Option<String>>,
}

impl Outbox {
    pub fn new(publish: watch::Receiver<Arc<dyn Publish>>) -> Self {
        Self { publish, unsent: tokio::sync::Mutex::default(), refused: Mutex::default() }
    }

    /// Sends what was kept, then this. What fails is kept where it tells of a change.
    pub async fn send(&self, report: &Report) -> Result<(), PublishError> {
        let publish = self.publish.borrow().clone();
        let mut unsent = self.unsent.lock().await;
        let mut result = Ok(());
        while let (Ok(()), Some(kept)) = (&result, unsent.front()) {
            result = publish.publish(kept).await;
            if result.is_ok() {
                unsent.pop_front();
            }
        }
        if result.is_ok() {
            result = publish.publish(report).await;
        }
        if result.is_err() && report.changed() {
            if unsent.len() == KEPT
                && let Some(dropped) = unsent.pop_front()
            {
                tracing::error!(
                    report = dropped.id,
                    "a report of changes is dropped: {KEPT} others wait for the topic"
                );
            }
            unsent.push_back(report.clone());
        }
        self.note(&result);
        result
    }

    /// Sends what was kept, before the process ends. Returns how many reports stay unsent.
    pub async fn flush(&self) -> usize {
        let publish = self.publish.borrow().clone();
        let mut unsent = self.unsent.lock().await;
        while let Some(kept) = unsent.front() {
            if publish.publish(kept).await.is_err() {
                break;
            }
            unsent.pop_front();
        }
        unsent.len()
    }

    /// Why reports are refused, if they are: the service is not ready while nobody can hear it.
    pub fn refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reports go elsewhere from now on: what was refused before says nothing of that.
    pub fn forget_refusal(&self) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn note(&self, result: &Result<(), PublishError>) {
        let refused = match result {
            Err(error @ PublishError::Refused(_)) => {
                tracing::error!(%error, "publishing");
                Some(error.to_string())
            }
            Err(error) => {
                tracing::warn!(%error, "publishing");
                None
            }
            Ok(()) => None,
        };
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
    }
}
