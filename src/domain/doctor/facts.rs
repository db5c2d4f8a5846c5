//! What is read: Google's documents, as far as a check needs them.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use jiff::Timestamp;
use serde::Deserialize;

use crate::domain::names::{NetworkRef, relative};

/// `serviceusage.services.batchGet`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Apis {
    pub services: Vec<Api>,
}

impl Apis {
    pub fn is_on(&self, host: &str) -> bool {
        self.services.iter().any(|api| api.config.name == host && api.state == "ENABLED")
    }
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Api {
    pub config: ApiConfig,
    pub state: String,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ApiConfig {
    pub name: String,
}

/// `testIamPermissions`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Granted {
    pub permissions: Vec<String>,
}

/// `getIamPolicy`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct IamPolicy {
    pub bindings: Vec<Binding>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Binding {
    pub role: String,
    pub members: Vec<String>,
    /// A binding under a condition may not hold when it is needed.
    pub condition: Option<serde_json::Value>,
}

impl IamPolicy {
    /// Whether one of the roles is bound to the member, always.
    pub fn binds(&self, member: &str, roles: &[&str]) -> bool {
        let mut bindings = self.bindings.iter().filter(|binding| binding.condition.is_none());
        bindings.any(|binding| {
            let bound = |one: &String| one.eq_ignore_ascii_case(member) || one == "allUsers";
            roles.contains(&binding.role.as_str()) && binding.members.iter().any(bound)
        })
    }
}

/// `cloudresourcemanager.projects.get`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Project {
    /// `projects/NUMBER`.
    pub name: String,
}

/// `compute.projects.get`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Quotas {
    pub quotas: Vec<Quota>,
}

/// `compute.regions.get`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RegionQuotas {
    pub quotas: Vec<Quota>,
}

/// `cloudresourcemanager.projects.getAncestry`, and the project's number.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Ancestry {
    pub ancestor: Vec<Ancestor>,
    pub number: String,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Ancestor {
    pub resource_id: ResourceId,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ResourceId {
    /// `project`, `folder` or `organization`.
    pub r#type: String,
    pub id: String,
}

impl Ancestry {
    /// `folders/N` or `organizations/N`.
    pub fn lies_under(&self, name: &str) -> bool {
        self.ancestor.iter().any(|one| name == format!("{}s/{}", one.resource_id.r#type, one.resource_id.id))
    }
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Quota {
    pub metric: String,
    pub limit: f64,
    pub usage: f64,
}

/// `orgpolicy.projects.policies.getEffectivePolicy`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct OrgPolicy {
    pub spec: PolicySpec,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PolicySpec {
    pub rules: Vec<PolicyRule>,
    pub inherit_from_parent: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PolicyRule {
    pub values: PolicyValues,
    pub allow_all: bool,
    pub deny_all: bool,
    /// It counts only for resources with a tag.
    pub condition: Option<serde_json::Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PolicyValues {
    pub allowed_values: Vec<String>,
    pub denied_values: Vec<String>,
}

/// `networkconnectivity.projects.locations.internalRanges.list`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct InternalRange {
    pub name: String,
    pub ip_cidr_range: Option<Ipv4Net>,
    pub network: String,
}

/// `pubsub.projects.topics.get`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Topic {
    pub schema_settings: Option<SchemaSettings>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SchemaSettings {
    pub schema: String,
    pub encoding: String,
}

/// `logging.….sinks.get`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Sink {
    pub destination: String,
    pub filter: String,
    pub writer_identity: String,
    pub disabled: bool,
}

/// `pubsub.projects.subscriptions.get`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Subscription {
    pub topic: String,
    pub push_config: PushConfig,
    pub ack_deadline_seconds: u32,
    pub dead_letter_policy: Option<DeadLetter>,
    pub retry_policy: Option<Retry>,
    pub detached: bool,
    pub state: String,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PushConfig {
    pub push_endpoint: String,
    pub oidc_token: Option<OidcToken>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OidcToken {
    pub service_account_email: String,
    pub audience: String,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DeadLetter {
    pub dead_letter_topic: String,
    pub max_delivery_attempts: u32,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Retry {
    /// A JSON duration such as `10s`; absent = 10 s.
    pub minimum_backoff: Option<String>,
}

/// `logging.entries.list`, newest first.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Entries {
    pub entries: Vec<LogEntry>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct LogEntry {
    pub timestamp: Timestamp,
}

impl Entries {
    pub fn latest(&self) -> Option<Timestamp> {
        self.entries.first().map(|entry| entry.timestamp)
    }
}

/// `sql.instances.get`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SqlInstance {
    pub settings: SqlSettings,
    pub ip_addresses: Vec<SqlAddress>,
    /// Such as `POSTGRES_16`.
    pub database_version: String,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SqlSettings {
    pub ip_configuration: SqlIpConfiguration,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SqlIpConfiguration {
    pub ipv4_enabled: bool,
    /// `projects/P/global/networks/N`.
    pub private_network: String,
    pub psc_config: Option<PscConfig>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PscConfig {
    pub psc_enabled: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SqlAddress {
    /// `PRIMARY`, `OUTGOING` or `PRIVATE`.
    pub r#type: String,
    pub ip_address: String,
}

impl SqlInstance {
    pub fn is_public(&self) -> bool {
        self.settings.ip_configuration.ipv4_enabled
    }

    pub fn private_network(&self) -> Option<NetworkRef> {
        let path = relative(&self.settings.ip_configuration.private_network).trim_start_matches('/').to_owned();
        NetworkRef::try_from(path).ok()
    }

    pub fn private_address(&self) -> Option<Ipv4Addr> {
        self.ip_addresses.iter().find(|own| own.r#type == "PRIVATE")?.ip_address.parse().ok()
    }

    pub fn has_private_service_connect(&self) -> bool {
        self.settings.ip_configuration.psc_config.as_ref().is_some_and(|psc| psc.psc_enabled)
    }

    /// The port of its database; `None` = of an unknown engine.
    pub fn port(&self) -> Option<u16> {
        match self.database_version.split('_').next()? {
            "MYSQL" => Some(3306),
            "POSTGRES" => Some(5432),
            "SQLSERVER" => Some(1433),
            _ => None,
        }
    }
}
