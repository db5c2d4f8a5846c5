//! Ownership, written into `description`: what does not bear our stamp is never written or deleted.

use std::fmt;

use jiff::Timestamp;

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

/// `released-by=… at=…`: a deny that stays down until the command `rearm`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// One word: what would break the format is written as `_`.
    by: String,
    /// `None` = a hand has spoilt it; the deny counts as released all the same.
    pub at: Option<Timestamp>,
}

impl Release {
    /// To the second, as a person reads it.
    pub fn new(by: &str, at: Timestamp) -> Self {
        /// Google takes 2048 characters for the whole description.
        const LONGEST: usize = 200;
        let by = by.trim().chars().take(LONGEST).map(|c| if c.is_whitespace() || c.is_control() { '_' } else { c });
        let by = Some(by.collect::<String>()).filter(|by| !by.is_empty());
        let second = Timestamp::from_second(at.as_second()).unwrap_or(at);
        Self { by: by.unwrap_or_else(|| "unknown".to_owned()), at: Some(second) }
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
        let (mut released_by, mut at) = (None, None);
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
                _ => {}
            }
        }
        stamp.released = released_by.map(|by| Release { by, at });
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
            ("alice@example.com", "released-by=alice@example.com at=2026-11-23T03:12:45Z"),
            ("Alice at=home\n", "released-by=Alice_at=home at=2026-11-23T03:12:45Z"),
            (" ", "released-by=unknown at=2026-11-23T03:12:45Z"),
        ] {
            let marked = Stamp { released: Some(Release::new(by, at)), ..stamp("") };
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
}
