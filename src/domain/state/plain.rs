//! Reads as JSON: what was read, or `{"unread": …}` with why.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::read::{Read, ReadFailure};

#[derive(Serialize)]
#[serde(untagged)]
enum Plain<'a, T> {
    Read(&'a T),
    Unread { unread: &'a ReadFailure },
}

impl<'a, T> From<&'a Read<T>> for Plain<'a, T> {
    fn from(read: &'a Read<T>) -> Self {
        read.as_ref().map_or_else(|unread| Self::Unread { unread }, Self::Read)
    }
}

pub fn read<T: Serialize, S: Serializer>(read: &Read<T>, serializer: S) -> Result<S::Ok, S::Error> {
    Plain::from(read).serialize(serializer)
}

pub fn asked<T: Serialize, S: Serializer>(read: &Option<Read<T>>, serializer: S) -> Result<S::Ok, S::Error> {
    read.as_ref().map(Plain::from).serialize(serializer)
}

pub fn each<K: Serialize, T: Serialize, S: Serializer>(
    reads: &BTreeMap<K, Read<T>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(reads.iter().map(|(key, read)| (key, Plain::from(read))))
}
