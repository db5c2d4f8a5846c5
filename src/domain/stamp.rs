//! Ownership, written into `description`: what does not bear our stamp is never written or deleted.

use std::fmt;

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
    /// Denies: who took them down with `release`.
    pub released_by: Option<String>,
    pub at: Option<String>,
}

impl Stamp {
    pub fn new(owner: &str, this: String, purpose: Option<String>) -> Self {
        Self { owner: owner.to_owned(), this, purpose, ..Self::default() }
    }

    /// Reads a description; `None` = it bears no stamp of this program.
    pub fn read(description: &str) -> Option<Self> {
        let mut stamp = Self::default();
        let mut managed = false;
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
                "released-by" => stamp.released_by = Some(text()),
                "at" => stamp.at = Some(text()),
                _ => {}
            }
        }
        managed.then_some(stamp)
    }

    /// The stamp on the object at `path`, if this installation wrote it there.
    pub fn ours(description: &str, owner: &str, path: &str) -> Option<Self> {
        Self::read(description).filter(|stamp| stamp.owner == owner && stamp.this == relative(path))
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
            ("released-by", &self.released_by),
            ("at", &self.at),
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
}
