//! Google's names, parsed once by Google's grammars: what has one of these types is safe in a URL.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A name that Google's grammar refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {found:?}: expected {expected}")]
pub struct NameError {
    pub what: &'static str,
    pub found: String,
    pub expected: &'static str,
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:expr, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(
            // Shared: one name is a key of many maps, for each of many thousands of targets.
            #[schemars(with = "String")] Arc<str>,
        );

        impl $name {
            pub fn parse(text: &str) -> Result<Self, NameError> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(NameError { what: $what, found: shorten(text), expected: $expected })
                }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.as_ref().into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_type!(
    /// A project id (`my-project`, `example.com:my-project`) or number. 6 to 30 characters, or the digits of a number.
    ProjectId,
    "project",
    is_project,
    "a project id of 6 to 30 lower-case letters, digits and hyphens that starts with a letter, or a project number"
);
name_type!(
    /// A Google Cloud region, such as `europe-west2`.
    Region,
    "region",
    is_region,
    "a region such as europe-west2"
);
name_type!(
    /// The name of a Serverless VPC Access connector: `^[a-z][-a-z0-9]{0,23}[a-z0-9]$`, as the API has it.
    ConnectorName,
    "connector",
    |text| (2..=25).contains(&text.len()) && is_rfc1035(text),
    "2 to 25 lower-case letters, digits and hyphens that start with a letter and do not end with a hyphen"
);
name_type!(
    /// The name of a compute resource (RFC 1035): a network, subnet, router or firewall rule.
    ResourceName,
    "resource name",
    |text| text.len() <= 63 && is_rfc1035(text),
    "1 to 63 lower-case letters, digits and hyphens that start with a letter and do not end with a hyphen"
);

impl ProjectId {
    /// A project number has to be resolved to the id before it is compared with the policy's scope.
    pub fn is_number(&self) -> bool {
        self.0.bytes().all(|b| b.is_ascii_digit())
    }
}

impl ConnectorName {
    /// gcloud's documentation asks for fewer than 21 characters, a hyphen counting as two: the names of the
    /// connector's hidden resources double each hyphen.
    pub fn weighted_length(&self) -> usize {
        self.0.bytes().map(|b| if b == b'-' { 2 } else { 1 }).sum()
    }
}

fn is_rfc1035(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.last().is_some_and(|b| *b != b'-')
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

fn is_project(text: &str) -> bool {
    if !text.is_empty() && text.len() <= 19 && text.bytes().all(|b| b.is_ascii_digit()) {
        return true;
    }
    let (domain, id) = text.rsplit_once(':').unwrap_or(("", text));
    let domain_ok = domain.is_empty() && !text.contains(':')
        || domain.contains('.')
            && domain.len() <= 63
            && domain.split('.').all(|label| !label.is_empty() && is_rfc1035(label));
    domain_ok && (6..=30).contains(&id.len()) && is_rfc1035(id)
}

fn is_region(text: &str) -> bool {
    text.len() <= 32 && is_rfc1035(text) && text.contains('-') && text.ends_with(|c: char| c.is_ascii_digit())
}

/// Whether a character would let a stranger's text break out of its line: controls, line separators, and those that
/// turn the direction of what follows.
pub fn is_unruly(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Google's words for a person to read: of one line, and bounded.
pub(super) fn one_line(words: &str) -> String {
    const MAX_CHARS: usize = 500;
    words.chars().filter(|c| !is_unruly(*c)).take(MAX_CHARS).collect()
}

/// What a message shows of text that a stranger wrote.
pub(super) fn shorten(text: &str) -> String {
    const MAX_SHOWN: usize = 80;
    match text.char_indices().nth(MAX_SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// A connector by its full name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct ConnectorRef {
    pub project: ProjectId,
    pub region: Region,
    pub name: ConnectorName,
}

impl ConnectorRef {
    /// Reads `projects/P/locations/R/connectors/C`, or the bare name `C` of a connector beside the workload.
    pub fn parse(text: &str, project: &ProjectId, region: &Region) -> Result<Self, NameError> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            [name] => Ok(Self { project: project.clone(), region: region.clone(), name: ConnectorName::parse(name)? }),
            ["projects", project, "locations", region, "connectors", name] => Ok(Self {
                project: ProjectId::parse(project)?,
                region: Region::parse(region)?,
                name: ConnectorName::parse(name)?,
            }),
            _ => Err(NameError {
                what: "connector",
                found: shorten(text),
                expected: "a connector's name, or projects/PROJECT/locations/REGION/connectors/NAME",
            }),
        }
    }

    /// The network tag that Google puts on the connector's instances.
    pub fn tag(&self) -> String {
        format!("vpc-connector-{}-{}", self.region, self.name)
    }
}

impl fmt::Display for ConnectorRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "projects/{}/locations/{}/connectors/{}", self.project, self.region, self.name)
    }
}

impl TryFrom<String> for ConnectorRef {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            ["projects", project, "locations", region, "connectors", name] => Ok(Self {
                project: ProjectId::parse(project)?,
                region: Region::parse(region)?,
                name: ConnectorName::parse(name)?,
            }),
            _ => Err(NameError {
                what: "connector",
                found: shorten(&text),
                expected: "projects/PROJECT/locations/REGION/connectors/NAME",
            }),
        }
    }
}

impl From<ConnectorRef> for String {
    fn from(connector: ConnectorRef) -> String {
        connector.to_string()
    }
}

/// A VPC network by its full name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct NetworkRef {
    pub project: ProjectId,
    pub name: ResourceName,
}

impl NetworkRef {
    /// Reads `projects/P/global/networks/N`, a URL that ends so, or the bare name of a network of `project`.
    pub fn parse(text: &str, project: &ProjectId) -> Result<Self, NameError> {
        match relative(text).split('/').collect::<Vec<_>>().as_slice() {
            [name] => Ok(Self { project: project.clone(), name: ResourceName::parse(name)? }),
            ["projects", project, "global", "networks", name] => {
                Ok(Self { project: ProjectId::parse(project)?, name: ResourceName::parse(name)? })
            }
            _ => Err(NameError {
                what: "network",
                found: shorten(text),
                expected: "a network's name, or projects/PROJECT/global/networks/NAME",
            }),
        }
    }
}

impl fmt::Display for NetworkRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "projects/{}/global/networks/{}", self.project, self.name)
    }
}

impl TryFrom<String> for NetworkRef {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        match relative(&text).split('/').collect::<Vec<_>>().as_slice() {
            ["projects", project, "global", "networks", name] => {
                Ok(Self { project: ProjectId::parse(project)?, name: ResourceName::parse(name)? })
            }
            _ => Err(NameError {
                what: "network",
                found: shorten(&text),
                expected: "projects/PROJECT/global/networks/NAME",
            }),
        }
    }
}

impl From<NetworkRef> for String {
    fn from(network: NetworkRef) -> String {
        network.to_string()
    }
}

/// The part of a resource's URL from `projects/` on; Google writes the same resource with several hosts and prefixes.
pub fn relative(url: &str) -> &str {
    match url.find("projects/") {
        Some(0) => url,
        Some(at) if url.as_bytes()[at - 1] == b'/' => &url[at..],
        _ => url,
    }
}

/// The last segment of a resource's name or URL.
pub fn last_segment(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

/// The first 8 hexadecimal digits of SHA-256: makes a shortened name unique again.
pub fn short_hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammars() {
        type Case = (&'static str, fn(&str) -> bool, bool);
        let cases: &[Case] = &[
            ("my-project", |t| ProjectId::parse(t).is_ok(), true),
            ("example.com:my-project", |t| ProjectId::parse(t).is_ok(), true),
            ("123456789012", |t| ProjectId::parse(t).is_ok(), true),
            ("short", |t| ProjectId::parse(t).is_ok(), false),
            (":my-project", |t| ProjectId::parse(t).is_ok(), false),
            ("My-project", |t| ProjectId::parse(t).is_ok(), false),
            ("my-project/../other", |t| ProjectId::parse(t).is_ok(), false),
            ("europe-west2", |t| Region::parse(t).is_ok(), true),
            ("northamerica-northeast1", |t| Region::parse(t).is_ok(), true),
            ("-", |t| Region::parse(t).is_ok(), false),
            ("global", |t| Region::parse(t).is_ok(), false),
            ("europe-west2\r\n", |t| Region::parse(t).is_ok(), false),
            ("vpc-conn-europe", |t| ConnectorName::parse(t).is_ok(), true),
            ("a2345678901234567890123456", |t| ConnectorName::parse(t).is_ok(), false),
            ("a234567890123456789012345", |t| ConnectorName::parse(t).is_ok(), true),
            ("a", |t| ConnectorName::parse(t).is_ok(), false),
            ("conn-", |t| ConnectorName::parse(t).is_ok(), false),
        ];
        for (text, check, expected) in cases {
            assert_eq!(check(text), *expected, "{text}");
        }
    }

    #[test]
    fn references() {
        let (project, region) = (ProjectId::parse("my-project").unwrap(), Region::parse("europe-west2").unwrap());
        let bare = ConnectorRef::parse("conn", &project, &region).unwrap();
        assert_eq!(bare.to_string(), "projects/my-project/locations/europe-west2/connectors/conn");
        assert_eq!(ConnectorRef::parse(&bare.to_string(), &project, &region).unwrap(), bare);
        assert_eq!(bare.tag(), "vpc-connector-europe-west2-conn");
        assert!(ConnectorRef::parse("projects/p/locations/x/connectors/../y", &project, &region).is_err());
        let url = "https://www.googleapis.com/compute/v1/projects/host-project/global/networks/shared";
        let network = NetworkRef::parse(url, &project).unwrap();
        assert_eq!(network.to_string(), "projects/host-project/global/networks/shared");
        assert_eq!(NetworkRef::parse("my-vpc", &project).unwrap().project, project);
    }
}
