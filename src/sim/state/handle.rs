//! Shared access to the state, and the signal that there is something new to deliver.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, futures::Notified};

use super::State;

/// Every clone refers to the same state.
#[derive(Clone)]
pub struct Handle(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    changed: Notify,
    advanced: Notify,
}

impl Handle {
    pub fn new(state: State) -> Self {
        Self(Arc::new(Inner { state: Mutex::new(state), changed: Notify::new(), advanced: Notify::new() }))
    }

    /// The state is consistent between calls, even if a thread panicked while it held the lock.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signals that there is something new to deliver, or that time has been advanced.
    pub fn notify(&self) {
        self.0.changed.notify_one();
    }

    pub async fn notified(&self) {
        self.0.changed.notified().await;
    }

    /// Signals to all that wait for a simulated time that it has been advanced.
    pub fn advanced(&self) {
        self.0.advanced.notify_waiters();
        self.notify();
    }

    /// Ends when time is advanced after this call.
    pub fn time_advanced(&self) -> Notified<'_> {
        self.0.advanced.notified()
    }
}
