//! In what the simulated Google differs from the recordings, and why.

use std::collections::BTreeSet;

type Found = (String, String, String);

/// A part of the log's name, the exchange, how the difference begins, the reason.
type Known = (&'static str, &'static str, &'static str, &'static str);

const KNOWN: &[Known] = &[];

/// What was found and is not known, and what is known and was not found.
pub fn judged(found: &BTreeSet<Found>) -> (Vec<String>, Vec<String>) {
    let fits = |(log, about, difference, _): &Known, found: &Found| {
        found.0.contains(log) && found.1 == *about && found.2.starts_with(difference)
    };
    let unknown = found.iter().filter(|found| !KNOWN.iter().any(|known| fits(known, found)));
    let unseen = KNOWN.iter().filter(|known| !found.iter().any(|found| fits(known, found)));
    (
        unknown.map(|(log, about, difference)| format!("{log}: {about}: {difference}")).collect(),
        unseen.map(|(log, about, difference, _)| format!("{log}: {about}: {difference}")).collect(),
    )
}
