//! Writes to a list that several targets share are made one after the other: the gateways of a network and region.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::domain::{
    names::{NetworkRef, Region},
    target::Target,
};

/// Held from the read of a list to the end of its write.
pub type WriteLock = tokio::sync::Mutex<()>;

#[derive(Default)]
pub struct WriteLocks(Mutex<HashMap<(NetworkRef, Region), Arc<WriteLock>>>);

impl WriteLocks {
    pub fn of(&self, network: NetworkRef, target: &Target) -> Arc<WriteLock> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        locks.entry((network, target.region.clone())).or_default().clone()
    }
}
