//! In what the simulated Google differs from the recordings, and why.

use std::collections::BTreeSet;

type Found = (String, String, String);

/// A part of the log's name, the exchange, how the difference begins, the reason.
type Known = (&'static str, &'static str, &'static str, &'static str);

const OLD: &str = "the recording's network is a default network of long ago";
const HELD: &str = "at Google a firewall rule that nobody made in the dialogue held the network: here it goes at once";
const SHAPED: &str = "grade B: another recording (A) shows what Google does";

const KNOWN: &[Known] = &[
    ("", "GET networks", "has routingConfig", OLD),
    ("", "GET networks", "lacks description", OLD),
    ("", "GET networks", "lacks subnetworks", OLD),
    ("computerouternatprivate", "GET networks", "answers 404 and not 200", HELD),
    ("computerouternatprivate", "DELETE networks", "answers 404 and not 200", HELD),
    ("computerouternatprivate", "GET operations", "lacks error", HELD),
    ("computerouternatprivate", "GET operations", "lacks httpError", HELD),
    ("B-", "GET subnetworks", "has allowSubnetCidrRoutesOverlap", SHAPED),
    ("B-", "GET subnetworks", "has enableFlowLogs", SHAPED),
    ("B-", "GET subnetworks", "lacks state", SHAPED),
    ("B-", "POST addresses", "has ", SHAPED),
];

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
