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
pub type Turn = tokio::sync::Mutex<()>;

#[derive(Default)]
pub struct Turns(Mutex<HashMap<(NetworkRef, Region), Arc<Turn>>>);

impl Turns {
    pub fn of(&self, network: NetworkRef, target: &Target) -> Arc<Turn> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.entry((network, target.region.clone())).or_default().clone()
    }
}
