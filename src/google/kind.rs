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

/// From HTTP status (0: none), reason and message.
pub(super) fn classify(status: u16, reason: &str, message: &str, permission: Option<&str>) -> ErrorKind {
    let kind = by_text(message).or_else(|| by_reason(reason)).unwrap_or_else(|| by_status(status));
    match kind {
        ErrorKind::Denied { .. } => ErrorKind::Denied { permission: permission.map(str::to_owned) },
        kind => kind,
    }
}

/// Whether the reason alone says what it means.
pub(super) fn is_known(reason: &str) -> bool {
    by_reason(reason).is_some()
}

/// Where the reason is shared by cases that need different answers, only Google's sentence tells them apart.
fn by_text(message: &str) -> Option<ErrorKind> {
    let says = |text| message.contains(text);
    if says("Quota exceeded for quota metric") || says("Rate Limit Exceeded") {
        Some(ErrorKind::RateLimited)
    } else if says("has not been used in project") || says("API is disabled") {
        Some(ErrorKind::ApiDisabled)
    } else if says("conflicts with existing subnetwork") || says("conflicts with an existing subnetwork") {
        Some(ErrorKind::AddressConflict)
    } else {
        None
    }
}

fn by_reason(reason: &str) -> Option<ErrorKind> {
    let plain: String = reason.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect();
    Some(match plain.as_str() {
        "servicedisabled" | "accessnotconfigured" => ErrorKind::ApiDisabled,
        "ratelimitexceeded"
        | "userratelimitexceeded"
        | "concurrentoperationsquotaexceeded"
        | "resourceoperationrateexceeded" => ErrorKind::RateLimited,
        "quotaexceeded" | "limitexceeded" => ErrorKind::Quota,
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
        404 | 410 => ErrorKind::NotFound,
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
