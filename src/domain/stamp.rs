//! Ownership, written into `description`: what does not bear our stamp is never written or deleted.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::names::{ConnectorRef, relative};

const MANAGED_BY: &str = "egress-reconciler";

/// `managed-by=egress-reconciler owner=… self=… for=…` and what else the kind needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stamp {
    pub owner: String,
    /// The full path of the object itself: a copied description is not ours.
    pub this: String,
    /// The connector that a subnet or firewall rule stands for, or `NETWORK/REGION` of a router.
    pub purpose: Option<String>,
    /// Subnets: the egress that the connector was wanted with.
    pub egress: Option<String>,
    /// Subnets: 1, and one more for each replacement of a connector in ERROR.
    pub attempt: Option<u32>,
    /// The infra rule: the hash of the connector's firewall policy when the deny was last read back in sync.
    pub armed: Option<String>,
    /// The infra rule: since when nothing asks for the connector.
    pub unused: Option<Timestamp>,
    /// Denies: who took them down with the command `release`.
    pub released: Option<Release>,
}

/// How long a deny stays down after `release`, unless the command says otherwise.
pub const RELEASED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The longest that a deny stays down: whoever may update a rule may write any time into its stamp.
pub const MAX_RELEASED_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How far ahead of ours the clock of the machine may be on which `release` was run.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// `released-by=… at=… until=…`: a deny that stays down until then, or until the command `rearm`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Who is said to have released it, which only an audit entry proves. One word: what would break the format is written
    /// as `_`.
    by: String,
    /// `None` = missing or unreadable; then the release is over.
    pub at: Option<Timestamp>,
    /// `None` = missing or unreadable; then the release lasts for [`RELEASED_FOR`].
    until: Option<Timestamp>,
}

impl Release {
    /// To the second, as a person reads it.
    pub fn new(by: &str, at: Timestamp, lasts: SignedDuration) -> Self {
        /// Google takes 2048 characters for the whole description.
        const MAX_NAME: usize = 200;
        let by = by.trim().chars().take(MAX_NAME).map(|c| if c.is_whitespace() || c.is_control() { '_' } else { c });
        let by = Some(by.collect::<String>()).filter(|by| !by.is_empty());
        let second = Timestamp::from_second(at.as_second()).unwrap_or(at);
        let until = second.checked_add(lasts.min(MAX_RELEASED_FOR)).ok();
        Self { by: by.unwrap_or_else(|| "unknown".to_owned()), at: Some(second), until }
    }

    /// When it is over; `None` = that cannot be told.
    pub fn ends(&self) -> Option<Timestamp> {
        let at = self.at?;
        let longest = at.checked_add(MAX_RELEASED_FOR).ok()?;
        Some(self.until.or(at.checked_add(RELEASED_FOR).ok())?.min(longest))
    }

    /// Whether the deny is to stay down at this moment. A release of the future is none.
    pub fn holds(&self, now: Timestamp) -> bool {
        let has_begun = self.at.is_some_and(|at| at.duration_since(now) <= MAX_CLOCK_SKEW);
        has_begun && self.ends().is_some_and(|end| now < end)
    }

    /// Whether this one holds when `other` begins, and ends no earlier.
    pub fn outlasts(&self, other: &Self) -> bool {
        other.at.is_some_and(|now| self.holds(now)) && self.ends() >= other.ends()
    }

    pub fn by(&self) -> &str {
        &self.by
    }
}

impl Stamp {
    pub fn new(owner: &str, this: String, purpose: Option<String>) -> Self {
        Self { owner: owner.to_owned(), this, purpose, ..Self::default() }
    }

    /// Reads a description; `None` = it bears no stamp of this program.
    pub fn read(description: &str) -> Option<Self> {
        let mut stamp = Self::default();
        let mut managed = false;
        let (mut released_by, mut at, mut until) = (None, None, None);
        for (key, value) in description.split_whitespace().filter_map(|word| word.split_once('=')) {
            let text = || value.to_owned();
            match key {
                "managed-by" => managed = value == MANAGED_BY,
                "owner" => stamp.owner = text(),
                "self" => stamp.this = text(),
                "for" => stamp.purpose = Some(text()),
                "egress" => stamp.egress = Some(text()),
                "attempt" => stamp.attempt = value.parse().ok(),
                "armed" => stamp.armed = Some(text()),
                "unused-since" => stamp.unused = value.parse().ok(),
                "released-by" if !value.is_empty() => released_by = Some(text()),
                "at" => at = value.parse().ok(),
                "until" => until = value.parse().ok(),
                _ => {}
            }
        }
        stamp.released = released_by.map(|by| Release { by, at, until });
        managed.then_some(stamp)
    }

    /// The stamp on the object at `path`, if this installation wrote it there.
    pub fn ours(description: &str, owner: &str, path: &str) -> Option<Self> {
        Self::read(description).filter(|stamp| stamp.owner == owner && stamp.this == relative(path))
    }

    /// The description with the mark of a release put on or taken off; one without a stamp stays as it is.
    pub fn with_release(description: &str, released: Option<Release>) -> String {
        match Self::read(description) {
            Some(stamp) if stamp.released != released => Self { released, ..stamp }.to_string(),
            _ => description.to_owned(),
        }
    }

    /// Stands for this connector.
    pub fn is_for(&self, connector: &ConnectorRef) -> bool {
        self.purpose.as_deref() == Some(connector.to_string().as_str())
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "managed-by={MANAGED_BY} owner={} self={}", self.owner, self.this)?;
        let attempt = self.attempt.map(|attempt| attempt.to_string());
        for (key, value) in [
            ("for", &self.purpose),
            ("egress", &self.egress),
            ("attempt", &attempt),
            ("armed", &self.armed),
            ("unused-since", &self.unused.map(|since| since.to_string())),
            ("released-by", &self.released.as_ref().map(|release| release.by.clone())),
            ("at", &self.released.as_ref().and_then(|release| release.at).map(|at| at.to_string())),
            ("until", &self.released.as_ref().and_then(|release| release.until).map(|at| at.to_string())),
        ] {
            if let Some(value) = value {
                write!(f, " {key}={value}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_copies() {
        let path = "projects/p-host01/regions/europe-west2/subnetworks/egress-a";
        let mut stamp =
            Stamp::new("team-1", path.into(), Some("projects/p-host01/locations/europe-west2/connectors/a-1".into()));
        stamp.attempt = Some(2);
        stamp.egress = Some("all-traffic".into());
        let text = stamp.to_string();
        assert_eq!(Stamp::read(&text), Some(stamp));
        let url = format!("https://www.googleapis.com/compute/v1/{path}");
        assert!(Stamp::ours(&text, "team-1", &url).is_some());
        for (owner, path) in [("team-2", path), ("team-1", "projects/p-host01/regions/europe-west2/subnetworks/other")]
        {
            assert!(Stamp::ours(&text, owner, path).is_none(), "{owner} {path}");
        }
        assert_eq!(Stamp::read("made by hand"), None);
        assert_eq!(Stamp::read("managed-by=somebody-else owner=team-1"), None);
    }

    #[test]
    fn releases() {
        let stamp = |text: &str| Stamp::read(&format!("managed-by={MANAGED_BY} owner=o self=s {text}")).unwrap();
        let at: Timestamp = "2026-11-23T03:12:45.678Z".parse().unwrap();
        for (by, written) in [
            ("alice@example.com", "released-by=alice@example.com at=2026-11-23T03:12:45Z until=2026-11-24T03:12:45Z"),
            ("Alice at=home\n", "released-by=Alice_at=home at=2026-11-23T03:12:45Z until=2026-11-24T03:12:45Z"),
            (" ", "released-by=unknown at=2026-11-23T03:12:45Z until=2026-11-24T03:12:45Z"),
        ] {
            let marked = Stamp { released: Some(Release::new(by, at, RELEASED_FOR)), ..stamp("") };
            assert!(marked.to_string().ends_with(written), "{marked}");
            assert_eq!(Stamp::read(&marked.to_string()), Some(marked));
        }
        for (text, by) in [
            ("released-by=bob at=noon", Some("bob")),
            ("released-by=bob", Some("bob")),
            ("released-by= at=2026-11-23T03:12:45Z", None),
            ("at=2026-11-23T03:12:45Z", None),
            ("", None),
        ] {
            let found = stamp(text).released;
            assert_eq!(found.as_ref().map(Release::by), by, "{text}");
            assert!(found.is_none_or(|release| release.at.is_none()), "{text}");
        }
    }

    #[test]
    fn a_release_ends() {
        let read = |text: &str| {
            Stamp::read(&format!("managed-by={MANAGED_BY} released-by=bob {text}")).unwrap().released.unwrap()
        };
        let cases = [
            ("at=2026-11-23T12:00:00Z until=2026-11-23T14:00:00Z", Some("2026-11-23T14:00:00Z")),
            // As versions before this one wrote it.
            ("at=2026-11-23T12:00:00Z", Some("2026-11-24T12:00:00Z")),
            ("at=2026-11-23T12:00:00Z until=never", Some("2026-11-24T12:00:00Z")),
            // Somebody wrote a longer time than the command takes.
            ("at=2026-11-23T12:00:00Z until=2036-01-01T00:00:00Z", Some("2026-11-30T12:00:00Z")),
            ("until=2036-01-01T00:00:00Z", None),
            ("at=noon until=2026-11-23T14:00:00Z", None),
        ];
        for (text, end) in cases {
            let release = read(text);
            let end = end.map(|end| end.parse::<Timestamp>().unwrap());
            assert_eq!(release.ends(), end, "{text}");
            let second = SignedDuration::from_secs(1);
            let holds = end.map(|end| (release.holds(end - second), release.holds(end)));
            assert_eq!(holds, end.map(|_| (true, false)), "{text}");
        }
        let noon: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        assert!(!read("at=2026-11-23T12:10:00Z until=2026-11-24T12:00:00Z").holds(noon), "it has not begun");
        assert!(read("at=2026-11-23T12:04:00Z").holds(noon), "clocks differ a little");
        let day = Release::new("alice", noon, RELEASED_FOR);
        for (text, outlasts) in [
            ("at=2026-11-23T12:00:00Z until=2026-11-24T12:00:00Z", true),
            ("at=2026-11-23T11:00:00Z until=2026-11-24T11:00:00Z", false),
            ("at=2026-11-17T11:00:00Z until=2026-11-24T13:00:00Z", false),
            ("at=2036-01-01T00:00:00Z until=2036-01-02T00:00:00Z", false),
            ("until=2036-01-02T00:00:00Z", false),
        ] {
            assert_eq!(read(text).outlasts(&day), outlasts, "{text}");
        }
        let long = Release::new("bob", noon, SignedDuration::from_hours(1000));
        assert_eq!(long.ends(), Some("2026-11-30T12:00:00Z".parse().unwrap()));
    }
}
