//! How often each method was called.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Counts requests by Google's method name, every attempt and every page. Clones share one count.
#[derive(Debug, Clone, Default)]
pub struct CallLog(Arc<Mutex<BTreeMap<String, u32>>>);

impl CallLog {
    pub(super) fn count(&self, call: &'static str) {
        // A panic elsewhere cannot leave a count half written.
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(call.to_owned()).or_default() += 1;
    }

    /// What was counted so far.
    pub fn counts(&self) -> BTreeMap<String, u32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
