//! How often each method was called, and how long calls waited for Google's quotas.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::google::governor::Key;

/// Counts requests by Google's method name, every attempt and every page. Clones share one count.
#[derive(Debug, Clone, Default)]
pub struct CallLog(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    calls: BTreeMap<String, u32>,
    longest: Option<QuotaWait>,
}

/// A call that waited for its turn in a quota of Google's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaWait {
    /// Google's name of what the quota counts, such as `compute.googleapis.com/list_requests`.
    pub metric: &'static str,
    /// Whose quota it is; `None` = that of our own project.
    pub project: Option<String>,
    pub waited: Duration,
}

impl CallLog {
    pub(super) fn count(&self, call: &'static str) {
        *self.lock().calls.entry(call.to_owned()).or_default() += 1;
    }

    pub(super) fn wait(&self, key: &Key, waited: Duration) {
        let mut counts = self.lock();
        if counts.longest.as_ref().is_none_or(|longest| longest.waited < waited) {
            counts.longest = Some(QuotaWait { metric: key.quota.metric, project: key.project.clone(), waited });
        }
    }

    /// What was counted so far.
    pub fn counts(&self) -> BTreeMap<String, u32> {
        self.lock().calls.clone()
    }

    /// The call that waited longest; `None` = no call waited.
    pub fn longest_wait(&self) -> Option<QuotaWait> {
        self.lock().longest.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // A panic elsewhere cannot leave a count half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
