//! What Google's refusals mean.
//!
//! The same thing comes in three spellings: compute's `errors[].reason` (`quotaExceeded`), the `ErrorInfo` reason or
//! canonical status of the newer APIs (`SERVICE_DISABLED`, `NOT_FOUND`), and a failed operation's code
//! (`RESOURCE_NOT_FOUND`). They are compared without case and underscores.
//! <https://cloud.google.com/compute/docs/troubleshooting/troubleshooting-api-errors>, <https://google.aip.dev/193>.

/// What a failure asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorKind {
    /// Somebody must grant something; Google does not always say what.
    Denied {
        permission: Option<String>,
    },
    ApiDisabled,
    /// An organization policy forbids it, whatever the status: only who administers the policy can allow it.
    OrgPolicy {
        /// `constraints/NAME` or `customConstraints/NAME`, where Google names it.
        constraint: Option<String>,
    },
    /// The region is not open to the project, or does not have this service.
    RegionClosed,
    NotFound,
    AlreadyExists,
    /// The thing changed under us (409 and 412 of other reasons): look again.
    Conflict,
    /// The address range is taken: another one may be free.
    AddressConflict,
    /// A quota of resources: waiting does not help.
    Quota,
    /// Too many calls: waiting helps.
    RateLimited,
    OperationInProgress,
    NotReady,
    InUse,
    Transient,
    Invalid,
}

impl ErrorKind {
    /// Whether waiting is all it needs.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient | Self::RateLimited | Self::OperationInProgress | Self::NotReady)
    }
}

/// What a refusal or a failed operation says, beside its HTTP status (0: none).
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    pub reason: &'a str,
    pub message: &'a str,
    pub permission: Option<&'a str>,
    /// A constraint that is named outside of the message.
    pub constraint: Option<&'a str>,
}

pub(super) fn classify(status: u16, said: Said<'_>) -> ErrorKind {
    let Said { reason, message, permission, constraint } = said;
    // A missing permission to read a policy names constraints too.
    let reads_policies = permission.is_some_and(|name| name.starts_with("orgpolicy."));
    let named = constraint.or_else(|| constraint_in(message)).filter(|_| !reads_policies);
    let by_policy = || {
        let forbidden = !reads_policies && (named.is_some() || speaks_of_policy(message));
        forbidden.then_some(ErrorKind::OrgPolicy { constraint: None })
    };
    let kind =
        by_text(reason, message).or_else(by_policy).or_else(|| by_reason(reason)).unwrap_or_else(|| by_status(status));
    match kind {
        ErrorKind::Denied { .. } => ErrorKind::Denied { permission: permission.map(str::to_owned) },
        ErrorKind::OrgPolicy { .. } => ErrorKind::OrgPolicy { constraint: named.map(str::to_owned) },
        kind => kind,
    }
}

/// The constraint that a text names: `constraints/compute.requireVpcFlowLogs`, `customConstraints/custom.noConnectors`, or
/// the dotted word in `Constraint compute.requireVpcFlowLogs violated`.
/// <https://cloud.google.com/resource-manager/docs/organization-policy/org-policy-constraints>
pub(super) fn constraint_in(text: &str) -> Option<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let word = |rest: &str| rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    let named = ["customConstraints/", "constraints/"].into_iter().find_map(|prefix| {
        let rest = &text[text.find(prefix)?..];
        let end = prefix.len() + word(&rest[prefix.len()..]);
        Some(rest[..end].trim_end_matches('.')).filter(|name| name.len() > prefix.len())
    });
    named.or_else(|| {
        let (_, rest) = text.split_once("onstraint ")?;
        let rest = rest.trim_start_matches(['\'', '"', '`']);
        let name = rest[..word(rest)].trim_end_matches('.');
        (name.contains('.') && text.contains("iolat")).then_some(name)
    })
}

/// Whether a refusal says that a policy of the organization is behind it, with or without its name.
fn speaks_of_policy(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    let says = |text| message.contains(text);
    let policy =
        ["org policy", "org policies", "organization policy", "organization policies", "organization's policy"];
    policy.into_iter().any(says) || says("constraint") && says("violat")
}

/// Whether the reason alone says what it means.
pub(super) fn is_known(reason: &str) -> bool {
    by_reason(reason).is_some()
}

/// Where the reason is shared by cases that need different answers, only Google's sentence tells them apart.
fn by_text(reason: &str, message: &str) -> Option<ErrorKind> {
    let says = |text| message.contains(text);
    if says("vpcServiceControlsUniqueIdentifier") || says("Request is prohibited by organization's policy") {
        // A service perimeter is no organization policy.
        Some(ErrorKind::Denied { permission: None })
    } else if let Some(kind) = by_quota(reason, message) {
        Some(kind)
    } else if says("has not been used in project") || says("API is disabled") {
        Some(ErrorKind::ApiDisabled)
    } else if says("Permission denied on 'locations/") || says("is not found or access is unauthorized") {
        Some(ErrorKind::RegionClosed)
    } else if says("conflicts with existing subnetwork") || says("conflicts with an existing subnetwork") {
        Some(ErrorKind::AddressConflict)
    } else {
        None
    }
}

/// Rate quotas and quotas of resources share statuses (403, 429) and reasons (`quotaExceeded`, `RESOURCE_EXHAUSTED`). Of a
/// resource so many are allowed: `Limit: 24.0 in region us-east1`. A rate's limit names its span of time, as in
/// `DefaultRequestsPerMinutePerProject` and `USER-100s`. Other texts, such as `Resource has been exhausted (e.g. check
/// quota).`, say neither. <https://cloud.google.com/docs/quotas/troubleshoot>
fn by_quota(reason: &str, message: &str) -> Option<ErrorKind> {
    const SPANS: [&str; 8] =
        ["perminute", "persecond", "perhour", "perday", "per60seconds", "per100seconds", "-100s'", "tokensforquota"];
    let text: String = message.chars().filter(|c| *c != ' ').map(|c| c.to_ascii_lowercase()).collect();
    let says = |part| text.contains(part);
    let insufficient = says("insufficient") && says("quota");
    let named = says("quota'") || says("quotalimit'") || says("quotaexceededfor");
    let used_up = named && (says("exceeded") || says("exhausted"));
    let allowed = says("limit:") && ["globally", "inregion", "inzone"].into_iter().any(says);
    if used_up && allowed {
        Some(ErrorKind::Quota)
    } else if says("ratelimitexceeded") || (used_up || insufficient) && SPANS.into_iter().any(says) {
        Some(ErrorKind::RateLimited)
    } else if used_up || insufficient {
        by_reason(reason).filter(|kind| *kind == ErrorKind::RateLimited).or(Some(ErrorKind::Quota))
    } else {
        None
    }
}

/// Which quota a `QuotaFailure` speaks of, as an `ErrorInfo` would say it.
pub(super) fn quota_reason(description: &str) -> Option<&'static str> {
    match by_quota("", description)? {
        ErrorKind::RateLimited => Some("RATE_LIMIT_EXCEEDED"),
        _ => Some("RESOURCE_QUOTA_EXCEEDED"),
    }
}

/// Whether the reason speaks of operations, not of calls.
pub(super) fn is_of_operations(reason: &str) -> bool {
    let plain: String = reason.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect();
    matches!(plain.as_str(), "concurrentoperationsquotaexceeded" | "resourceoperationrateexceeded")
}

fn by_reason(reason: &str) -> Option<ErrorKind> {
    let plain: String = reason.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect();
    Some(match plain.as_str() {
        "servicedisabled" | "accessnotconfigured" => ErrorKind::ApiDisabled,
        "ratelimitexceeded"
        | "userratelimitexceeded"
        | "concurrentoperationsquotaexceeded"
        | "resourceoperationrateexceeded" => ErrorKind::RateLimited,
        "quotaexceeded" | "limitexceeded" | "resourcequotaexceeded" => ErrorKind::Quota,
        "locationpolicyviolated" => ErrorKind::RegionClosed,
        // `LOCATION_ORG_POLICY_VIOLATED`, `CUSTOM_ORG_POLICY_VIOLATION` and whatever else speaks of it.
        "resourceusagerestrictionviolated" => ErrorKind::OrgPolicy { constraint: None },
        reason if reason.contains("orgpolicy") && reason.contains("violat") => {
            ErrorKind::OrgPolicy { constraint: None }
        }
        "notfound" | "resourcenotfound" => ErrorKind::NotFound,
        "alreadyexists" | "resourcealreadyexists" => ErrorKind::AlreadyExists,
        "operationinprogress" => ErrorKind::OperationInProgress,
        "resourcenotready" => ErrorKind::NotReady,
        "resourceinuse" | "resourceinusebyanotherresource" => ErrorKind::InUse,
        "conditionnotmet" | "aborted" => ErrorKind::Conflict,
        "forbidden" | "permissiondenied" | "iampermissiondenied" | "permissionserror" | "unauthenticated" => {
            ErrorKind::Denied { permission: None }
        }
        "backenderror" | "internalerror" | "internal" | "unavailable" | "serviceunavailable" | "deadlineexceeded" => {
            ErrorKind::Transient
        }
        _ => return None,
    })
}

fn by_status(status: u16) -> ErrorKind {
    match status {
        401 | 403 => ErrorKind::Denied { permission: None },
        // 501: there is no such method.
        404 | 410 | 501 => ErrorKind::NotFound,
        409 | 412 => ErrorKind::Conflict,
        429 => ErrorKind::RateLimited,
        408 | 500.. => ErrorKind::Transient,
        _ => ErrorKind::Invalid,
    }
}

/// The permission in `Required 'compute.firewalls.create' permission for '…'` or `Permission 'run.jobs.list' denied on
/// resource '…'`: the quoted word of three parts.
pub(super) fn permission_in(message: &str) -> Option<&str> {
    let is_permission = |word: &&str| {
        word.split('.').count() == 3
            && word.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()))
    };
    if !message.contains("ermission") {
        return None;
    }
    message.split(['\'', '"', '`']).skip(1).step_by(2).find(is_permission)
}
