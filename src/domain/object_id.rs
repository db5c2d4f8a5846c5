//! What an object is called: its kind and its short name.

use std::{borrow::Cow, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is written: an object by its kind and short name. JSON and people have it as `firewall/deny-conn-europe-west2-egress`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ObjectId {
    pub kind: Kind,
    pub name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Connector,
    Firewall,
    Network,
    Router,
    Subnet,
}

/// A text that is no `kind/name`.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} found, KIND/NAME expected, such as firewall/deny-conn")]
pub struct NoObjectId(String);

impl Kind {
    pub const ALL: [Self; 5] = [Self::Connector, Self::Firewall, Self::Network, Self::Router, Self::Subnet];

    pub fn word(self) -> &'static str {
        match self {
            Self::Connector => "connector",
            Self::Firewall => "firewall",
            Self::Network => "network",
            Self::Router => "router",
            Self::Subnet => "subnet",
        }
    }

    /// The object of this kind with a short name.
    pub fn named(self, name: impl Into<String>) -> ObjectId {
        ObjectId { kind: self, name: name.into() }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.word(), self.name)
    }
}

impl From<ObjectId> for String {
    fn from(id: ObjectId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for ObjectId {
    type Error = NoObjectId;
    fn try_from(text: String) -> Result<Self, NoObjectId> {
        let parts = text.split_once('/').filter(|(_, name)| !name.is_empty());
        let kind = |word: &str| Kind::ALL.into_iter().find(|kind| kind.word() == word);
        let id = parts.and_then(|(word, name)| Some(kind(word)?.named(name)));
        id.ok_or(NoObjectId(text))
    }
}

impl JsonSchema for ObjectId {
    fn schema_name() -> Cow<'static, str> {
        "ObjectId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let kinds = Kind::ALL.map(Kind::word).join("|");
        schemars::json_schema!({
            "description": "`kind/name`, such as `firewall/deny-conn-europe-west2-egress`.",
            "type": "string",
            "pattern": format!("^({kinds})/.+$"),
        })
    }
}
