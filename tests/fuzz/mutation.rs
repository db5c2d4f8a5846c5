//! How chance changes what was whole.

use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::{Value, json};

use super::corpus::{ENTRIES, paths};

/// Pieces cut out, and others put in their place.
pub fn cuts() -> impl Strategy<Value = Vec<(Index, usize, String)>> {
    let piece = prop_oneof![
        "[\"{}\\[\\],:0-9a-z\\\\\u{0}é]{0,6}",
        Just("\\ud800".to_owned()),
        Just("../".to_owned()),
        Just("%2f".to_owned()),
        Just("\r\n".to_owned()),
        Just("\u{202e}".to_owned()),
        Just("1e999".to_owned()),
        Just("other-project".to_owned()),
    ];
    vec((any::<Index>(), 0..40_usize, piece), 1..6)
}

pub fn cut(mut bytes: Vec<u8>, cuts: &[(Index, usize, String)]) -> Vec<u8> {
    for (at, length, piece) in cuts {
        let from = at.index(bytes.len() + 1);
        let to = (from + length).min(bytes.len());
        bytes.splice(from..to, piece.bytes());
    }
    bytes
}

/// An entry of the tables in which members have changed for members of others, for other kinds, or for names that are
/// none.
pub fn entries() -> impl Strategy<Value = Value> {
    let other = prop_oneof![
        prop::sample::select(vec![
            json!(null),
            json!(7),
            json!(""),
            json!("..."),
            json!([]),
            json!([{}]),
            json!({}),
            json!(true)
        ]),
        prop::sample::select(vec![
            json!("other-project"),
            json!("projects/other-project/locations/europe-west2/connectors/conn-a"),
            json!("projects/demo-project/locations/../x"),
            json!("demo-project\r\n"),
            json!("999999999999"),
            json!("us-central1"),
            json!("\u{1b}[31m"),
        ]),
        (any::<Index>(), any::<Index>()).prop_map(|(entry, member)| {
            let entry = entry.get(&ENTRIES);
            let paths = paths(entry);
            entry.pointer(&paths[member.index(paths.len())]).cloned().unwrap_or_default()
        }),
    ];
    (any::<Index>(), vec((any::<Index>(), other), 0..4)).prop_map(|(entry, changes)| {
        let mut entry = entry.get(&ENTRIES).clone();
        for (member, other) in changes {
            let paths = paths(&entry);
            if let Some(place) = entry.pointer_mut(&paths[member.index(paths.len())]) {
                *place = other;
            }
        }
        entry
    })
}
