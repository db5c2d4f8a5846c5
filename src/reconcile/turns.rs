//! Writers of one network and region take turns: in a Shared VPC several targets add to the same lists.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::domain::{
    names::{NetworkRef, Region},
    target::Target,
};

#[derive(Default)]
pub struct Turns(Mutex<HashMap<(NetworkRef, Region), Arc<Turn>>>);

/// The right to write to one network in one region.
#[derive(Default)]
pub struct Turn {
    lock: tokio::sync::Mutex<()>,
    writes: AtomicU64,
}

/// Held while writing; counted when it ends.
pub struct Mine<'a> {
    turn: &'a Turn,
    _lock: tokio::sync::MutexGuard<'a, ()>,
}

impl Turns {
    pub fn of(&self, network: NetworkRef, target: &Target) -> Arc<Turn> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.entry((network, target.region.clone())).or_default().clone()
    }
}

impl Turn {
    /// How many have written.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Acquire)
    }

    /// Waits for the turn; `None` = somebody has written since `seen` was counted.
    pub async fn take(&self, seen: u64) -> Option<Mine<'_>> {
        let lock = self.lock.lock().await;
        (self.writes() == seen).then_some(Mine { turn: self, _lock: lock })
    }
}

impl Drop for Mine<'_> {
    fn drop(&mut self) {
        self.turn.writes.fetch_add(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_looked_before_another_wrote_looks_again() {
        let turn = Turn::default();
        let seen = turn.writes();
        drop(turn.take(seen).await.unwrap());
        assert!(turn.take(seen).await.is_none());
        assert!(turn.take(turn.writes()).await.is_some());
    }
}
