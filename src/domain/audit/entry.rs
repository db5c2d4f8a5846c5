//! An audit-log entry, as a log sink and as Eventarc deliver it: the same members, but for `protoPayload.@type`, which
//! Eventarc leaves out.
//!
//! <https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry>,
//! <https://cloud.google.com/logging/docs/reference/audit/auditlog/rest/Shared.Types/AuditLog>

use std::{borrow::Cow, str};

use jiff::Timestamp;

use super::reasons::RejectReason;
use crate::domain::{fields::Fields, names::last_segment};

/// The audit log that an entry stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogKind {
    Activity,
    SystemEvent,
    DataAccess,
    Policy,
    Other,
}

/// A log entry whose members are told apart, and those of its `protoPayload`; what they hold is still unread.
#[derive(Debug)]
pub struct Entry<'a> {
    json: &'a str,
    fields: Fields<'a>,
    /// `protoPayload`, where it is an object.
    audit: Option<AuditLog<'a>>,
}

/// An entry's `protoPayload`.
#[derive(Debug)]
pub struct AuditLog<'a>(Fields<'a>);

/// Which entry of a long-running operation this is: one is written at its start and one at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    pub first: bool,
    pub last: bool,
}

/// How the call ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Status<'a> {
    /// A `google.rpc.Code`. Successes leave it out, even where they have a message.
    pub code: i64,
    pub message: Cow<'a, str>,
}

pub(crate) const PROTO_PAYLOAD: &str = "protoPayload";
const EXPECTED: &str = "a log entry as a JSON object in UTF-8";

pub(crate) fn utf8(json: &[u8]) -> Result<&str, RejectReason> {
    str::from_utf8(json).map_err(|error| RejectReason::malformed("body", &error.to_string(), EXPECTED))
}

pub(crate) fn unreadable(error: serde_json::Error) -> RejectReason {
    RejectReason::malformed("body", &error.to_string(), EXPECTED)
}

impl<'a> Entry<'a> {
    /// An entry whose members have been told apart, `protoPayload` from the others.
    pub(crate) fn of(json: &'a str, fields: Fields<'a>, proto_payload: Option<Fields<'a>>) -> Self {
        Self { json, fields, audit: proto_payload.map(AuditLog) }
    }

    /// # Errors
    /// What is not a JSON object in UTF-8.
    pub fn parse(json: &'a [u8]) -> Result<Self, RejectReason> {
        let json = utf8(json)?;
        let (fields, [proto_payload]) = Fields::parse_with(json, [PROTO_PAYLOAD]).map_err(unreadable)?;
        Ok(Self::of(json, fields, proto_payload))
    }

    /// As it came.
    pub fn json(&self) -> &'a str {
        self.json
    }

    pub fn log_name(&self) -> Cow<'a, str> {
        self.fields.text("logName").unwrap_or_default()
    }

    /// `None` is no audit log. The log's id is compared whole: anybody may write to a log whose name merely looks
    /// like Google's.
    pub fn log_kind(&self) -> Option<LogKind> {
        let name = self.log_name();
        let (_, id) = name.split_once("/logs/")?;
        let kind = id.strip_prefix("cloudaudit.googleapis.com")?;
        Some(match kind.strip_prefix("%2F").or_else(|| kind.strip_prefix('/')) {
            Some("activity") => LogKind::Activity,
            Some("system_event") => LogKind::SystemEvent,
            Some("data_access") => LogKind::DataAccess,
            Some("policy") => LogKind::Policy,
            _ => LogKind::Other,
        })
    }

    pub fn audit_log(&self) -> Option<&AuditLog<'a>> {
        self.audit.as_ref()
    }

    /// # Errors
    /// An object that cannot be read: what it says of the project must not be passed over.
    pub fn resource_labels(&self) -> Result<Fields<'a>, RejectReason> {
        let labels = self.fields.whole_object("resource").and_then(|resource| resource.whole_object("labels"));
        labels.map_err(|e| RejectReason::malformed("resource.labels", &e.to_string(), "a JSON object"))
    }

    pub fn operation(&self) -> Option<Operation> {
        let operation = self.fields.object("operation")?;
        let marks = Operation { first: operation.is_true("first"), last: operation.is_true("last") };
        (marks.first || marks.last || operation.raw("id").is_some()).then_some(marks)
    }

    /// The name of the operation that the call began.
    pub fn operation_id(&self) -> Option<Cow<'a, str>> {
        self.fields.object("operation")?.text("id")
    }

    /// Whether this is a part of an entry that was too large: each part has only some of the members.
    pub fn is_split(&self) -> bool {
        self.fields.object("split").is_some()
    }

    /// When it happened; else when the log received it.
    pub fn at(&self) -> Option<Timestamp> {
        ["timestamp", "receiveTimestamp"].iter().find_map(|name| self.fields.text(name)?.parse().ok())
    }

    /// One key for an entry by whatever route it came: Eventarc builds its event ids from the same three.
    pub fn id(&self) -> String {
        let timestamp = self.fields.text("timestamp").unwrap_or_default();
        let insert_id = self.fields.text("insertId").unwrap_or_default();
        match timestamp.parse::<Timestamp>() {
            Ok(at) => format!("{}/{at}/{insert_id}", self.log_name()),
            Err(_) => format!("{}/{timestamp}/{insert_id}", self.log_name()),
        }
    }
}

impl<'a> AuditLog<'a> {
    pub fn service(&self) -> Cow<'a, str> {
        self.0.text("serviceName").unwrap_or_default()
    }

    pub fn method(&self) -> Cow<'a, str> {
        self.0.text("methodName").unwrap_or_default()
    }

    pub fn resource(&self) -> Cow<'a, str> {
        self.0.text("resourceName").unwrap_or_default()
    }

    /// Absent, empty and without a code all mean success.
    pub fn status(&self) -> Status<'a> {
        let Some(status) = self.0.object("status") else { return Status::default() };
        Status { code: status.integer("code").unwrap_or(0), message: status.text("message").unwrap_or_default() }
    }

    /// What Google said, where it did not take a router's NAT because another one exists. A missing permission is another
    /// matter.
    pub fn refused_nat(&self) -> Option<Cow<'a, str>> {
        const PERMISSION_DENIED: i64 = 7;
        let Status { code, message } = self.status();
        let refused = !matches!(code, 0 | PERMISSION_DENIED) && self.method().contains("compute.routers.");
        (refused && is_about_another_nat(&message)).then_some(message)
    }

    /// The subnets that a router's NAT is asked to serve, by their own names.
    pub fn nat_subnets(&self) -> Vec<String> {
        /// As many as a gateway may list.
        const MAX_RANGES: usize = 50;
        let request = self.request();
        let objects = |list: Vec<&'a str>| list.into_iter().filter_map(|one| Fields::parse(one).ok());
        let listed = objects(request.list("nats")).flat_map(|nat| objects(nat.list("subnetworks")));
        let named = listed.filter_map(|subnet| subnet.text("name").map(|name| last_segment(&name).to_owned()));
        named.take(MAX_RANGES).collect()
    }

    /// Who made the call: an e-mail address, else the subject, which is all that federated callers have.
    pub fn principal(&self) -> Option<Cow<'a, str>> {
        let caller = self.0.object("authenticationInfo")?;
        caller.text("principalEmail").or_else(|| caller.text("principalSubject"))
    }

    /// Whether the caller was granted a permission of a service, such as `run.`.
    pub fn was_granted(&self, service: &str) -> bool {
        self.0.list("authorizationInfo").into_iter().filter_map(|check| Fields::parse(check).ok()).any(|check| {
            check.is_true("granted") && check.text("permission").is_some_and(|text| text.starts_with(service))
        })
    }

    /// Where Google says the resource is: a region, or `global`.
    pub fn location(&self) -> Option<Cow<'a, str>> {
        let locations = self.0.object("resourceLocation")?.list("currentLocations");
        crate::domain::fields::text(locations.first()?)
    }

    /// What was asked for. An operation's last entry has little or nothing of it.
    pub fn request(&self) -> Fields<'a> {
        self.0.object("request").unwrap_or_default()
    }

    /// The same of a call to App Engine, which has it in a message of its own.
    /// <https://cloud.google.com/logging/docs/reference/audit/appengine/rest/Shared.Types/AuditData>
    pub fn app_request(&self) -> Option<Fields<'a>> {
        self.0.at(&["serviceData", "createVersion", "request"])
    }

    pub fn response(&self) -> Fields<'a> {
        self.0.object("response").unwrap_or_default()
    }
}

/// Whether Google refused a NAT because another one exists, by its words.
pub fn is_about_another_nat(words: &str) -> bool {
    const ABOUT: [&str; 3] = ["ALL_SUBNETWORKS", "already configured", "another Nat"];
    words.contains("Nat") && ABOUT.iter().any(|part| words.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs() {
        let cases = [
            ("projects/p/logs/cloudaudit.googleapis.com%2Factivity", Some(LogKind::Activity)),
            ("organizations/1/logs/cloudaudit.googleapis.com%2Fsystem_event", Some(LogKind::SystemEvent)),
            ("folders/1/logs/cloudaudit.googleapis.com/data_access", Some(LogKind::DataAccess)),
            ("billingAccounts/A/logs/cloudaudit.googleapis.com%2Fpolicy", Some(LogKind::Policy)),
            ("projects/p/logs/cloudaudit.googleapis.com%2Faccess_transparency", Some(LogKind::Other)),
            ("projects/p/logs/not-cloudaudit.googleapis.com%2Factivity", None),
            ("projects/p/logs/run.googleapis.com%2Fstdout", None),
            ("", None),
        ];
        for (name, expected) in cases {
            let json = format!("{{\"logName\":\"{name}\"}}");
            assert_eq!(Entry::parse(json.as_bytes()).unwrap().log_kind(), expected, "{name}");
        }
    }

    #[test]
    fn one_id_by_every_route() {
        let id = |json: &str| Entry::parse(json.as_bytes()).unwrap().id();
        let by_sink = r#"{"logName":"L","timestamp":"2026-01-02T03:04:05.120Z","insertId":"i"}"#;
        let by_eventarc = r#"{"insert_id":"i","log_name":"L","timestamp":"2026-01-02T03:04:05.120000Z"}"#;
        assert_eq!(id(by_sink), id(by_eventarc));
        assert_eq!(id(by_sink), "L/2026-01-02T03:04:05.12Z/i");
        assert_eq!(id(r#"{"logName":"L","timestamp":"0000-00-00"}"#), "L/0000-00-00/");
    }

    #[test]
    fn operations() {
        let cases = [
            ("{}", None),
            (r#"{"operation":null}"#, None),
            (r#"{"operation":{}}"#, None),
            (r#"{"operation":{"id":"o"}}"#, Some((false, false))),
            (r#"{"operation":{"id":"o","first":true}}"#, Some((true, false))),
            (r#"{"operation":{"id":"o","first":true,"last":true}}"#, Some((true, true))),
        ];
        for (json, expected) in cases {
            let expected = expected.map(|(first, last)| Operation { first, last });
            assert_eq!(Entry::parse(json.as_bytes()).unwrap().operation(), expected, "{json}");
        }
    }
}
