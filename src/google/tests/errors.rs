use std::time::Duration;

use serde_json::{Value, json};

use super::{response, with_header};
use crate::google::{error::CallError, error_body, error_kind::ErrorKind};

fn compute(code: u16, reason: &str, message: &str) -> Value {
    json!({"error": {"code": code, "message": message, "errors": [
        {"message": message, "domain": "global", "reason": reason}]}})
}

fn one_platform(code: u16, status: &str, message: &str) -> Value {
    json!({"error": {"code": code, "message": message, "status": status}})
}

fn with_info(mut body: Value, reason: &str, metadata: Value) -> Value {
    body["error"]["details"] = json!([
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com",
         "metadata": metadata}]);
    body
}

fn denied(permission: &str) -> ErrorKind {
    ErrorKind::Denied { permission: Some(permission.into()) }
}

fn refused(status: u16, body: &str) -> CallError {
    error_body::read("compute.firewalls.insert", &response(status, body.to_owned()))
}

#[test]
fn both_shapes_are_understood() {
    let rate = "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service 'compute'";
    let unused = "Compute Engine API has not been used in project 7 before or it is disabled.";
    let cases = [
        (compute(409, "alreadyExists", "The resource 'x' already exists"), ErrorKind::AlreadyExists),
        (compute(404, "notFound", "The resource 'x' was not found"), ErrorKind::NotFound),
        (compute(400, "resourceNotReady", "The resource 'x' is not ready"), ErrorKind::NotReady),
        (compute(409, "operationInProgress", "An operation is in progress"), ErrorKind::OperationInProgress),
        (compute(400, "resourceInUseByAnotherResource", "'x' is already being used by 'y'"), ErrorKind::InUse),
        (compute(403, "rateLimitExceeded", rate), ErrorKind::RateLimited),
        (compute(403, "quotaExceeded", rate), ErrorKind::RateLimited),
        (compute(403, "quotaExceeded", "Quota 'FIREWALLS' exceeded. Limit: 500.0 globally."), ErrorKind::Quota),
        (
            with_info(compute(403, "quotaExceeded", "slow"), "CONCURRENT_OPERATIONS_QUOTA_EXCEEDED", json!({})),
            ErrorKind::RateLimited,
        ),
        (compute(412, "conditionNotMet", "Invalid fingerprint."), ErrorKind::Conflict),
        (compute(403, "accessNotConfigured", unused), ErrorKind::ApiDisabled),
        (one_platform(403, "PERMISSION_DENIED", unused), ErrorKind::ApiDisabled),
        (
            with_info(one_platform(403, "PERMISSION_DENIED", "no"), "SERVICE_DISABLED", json!({})),
            ErrorKind::ApiDisabled,
        ),
        (
            compute(403, "forbidden", "Required 'compute.firewalls.create' permission for 'projects/p/global/x'"),
            denied("compute.firewalls.create"),
        ),
        (
            one_platform(403, "PERMISSION_DENIED", "Permission 'run.jobs.list' denied on resource 'a/b.c.d' (or not)"),
            denied("run.jobs.list"),
        ),
        (
            with_info(
                one_platform(403, "PERMISSION_DENIED", "no"),
                "IAM_PERMISSION_DENIED",
                json!({"permission": "vpcaccess.connectors.create"}),
            ),
            denied("vpcaccess.connectors.create"),
        ),
        (
            one_platform(403, "PERMISSION_DENIED", "The caller does not have permission"),
            ErrorKind::Denied { permission: None },
        ),
        (
            with_info(
                one_platform(
                    403,
                    "PERMISSION_DENIED",
                    "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: eYhDkfYCu-dOCjuj",
                ),
                "SECURITY_POLICY_VIOLATED",
                json!({"uid": "eYhDkfYCu-dOCjuj", "consumer": "projects/7"}),
            ),
            ErrorKind::Denied { permission: None },
        ),
        (one_platform(401, "UNAUTHENTICATED", "Expired"), ErrorKind::Denied { permission: None }),
        (one_platform(404, "NOT_FOUND", "The connector is not found."), ErrorKind::NotFound),
        (one_platform(409, "ABORTED", "busy"), ErrorKind::Conflict),
        (one_platform(429, "RESOURCE_EXHAUSTED", "slow down"), ErrorKind::RateLimited),
        (one_platform(503, "UNAVAILABLE", "later"), ErrorKind::Transient),
        (one_platform(400, "INVALID_ARGUMENT", "must be a multiple of 100"), ErrorKind::Invalid),
        (
            compute(400, "invalid", "Invalid IPCidrRange: 10.8.0.0/28 conflicts with existing subnetwork 's'"),
            ErrorKind::AddressConflict,
        ),
        (compute(403, "quotaExceeded", "Quota 'CPUS' exceeded. Limit: 8.0 in region us-east1."), ErrorKind::Quota),
        (
            with_info(compute(403, "forbidden", "No."), "LOCATION_POLICY_VIOLATED", json!({"location": "me-central2"})),
            ErrorKind::RegionClosed,
        ),
        (
            one_platform(
                403,
                "PERMISSION_DENIED",
                "Permission denied on 'locations/me-central2' (or it may not exist).",
            ),
            ErrorKind::RegionClosed,
        ),
        (
            one_platform(403, "PERMISSION_DENIED", "Location x-east1 is not found or access is unauthorized."),
            ErrorKind::RegionClosed,
        ),
    ];
    for (body, kind) in cases {
        let status = body["error"]["code"].as_u64().unwrap().try_into().unwrap();
        assert_eq!(refused(status, &body.to_string()).kind(), kind, "{body}");
    }
}

/// The body decides whether a rate or a number of resources is exceeded: waiting helps against the first alone.
#[test]
fn quotas_of_resources_are_told_from_rates() {
    let exhausted = |message: &str| one_platform(429, "RESOURCE_EXHAUSTED", message);
    let metric = |name: &str, limit: &str| {
        exhausted(&format!(
            "Quota exceeded for quota metric '{name}' and limit '{limit}' of service 'vpcaccess.googleapis.com' for consumer 'project_number:7'."
        ))
    };
    let info = |body: Value, reason: &str, limit: &str| with_info(body, reason, json!({"quota_limit": limit}));
    let failure = |mut body: Value, description: &str| {
        body["error"]["details"] = json!([{"@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{"subject": "project:7", "description": description}]}]);
        body
    };
    let generic = "Resource has been exhausted (e.g. check quota).";
    let used_up = "Quota limit 'EnterpriseStorageGibPerRegion' has been exceeded. Limit: 3072 in region us-central1.";
    let cases = [
        (exhausted(generic), ErrorKind::RateLimited),
        (metric("Write requests", "Write requests per minute"), ErrorKind::RateLimited),
        (
            metric("vpcaccess.googleapis.com/default_requests", "DefaultRequestsPerMinutePerProject"),
            ErrorKind::RateLimited,
        ),
        (
            exhausted("Insufficient tokens for quota 'DefaultGroup' and limit 'USER-100s' of service 'x'"),
            ErrorKind::RateLimited,
        ),
        (info(metric("Writes", "Writes"), "RATE_LIMIT_EXCEEDED", "Writes"), ErrorKind::RateLimited),
        (info(exhausted("no"), "RATE_LIMIT_EXCEEDED", "ReadsPerMinutePerProject"), ErrorKind::RateLimited),
        (compute(403, "rateLimitExceeded", "Rate Limit Exceeded"), ErrorKind::RateLimited),
        (failure(exhausted(generic), "Quota 'Writes per minute' exceeded."), ErrorKind::RateLimited),
        (metric("Connectors", "Connectors per project per region"), ErrorKind::Quota),
        (info(exhausted("no"), "RESOURCE_QUOTA_EXCEEDED", "VMsPerProject"), ErrorKind::Quota),
        (exhausted(used_up), ErrorKind::Quota),
        (info(exhausted(used_up), "RATE_LIMIT_EXCEEDED", "EnterpriseStorageGibPerRegion"), ErrorKind::Quota),
        (
            failure(exhausted(generic), "Quota 'PremiumStorageGbPerRegion' exhausted. Limit 0 in region us-central1"),
            ErrorKind::Quota,
        ),
        (exhausted("Quota exceeded for total allowable CPU per project per region."), ErrorKind::Quota),
        (compute(429, "quotaExceeded", "Quota 'CPUS' exceeded. Limit: 24.0 in region us-east1."), ErrorKind::Quota),
        (exhausted("Insufficient CPU quota in region."), ErrorKind::Quota),
    ];
    for (body, kind) in cases {
        let status = body["error"]["code"].as_u64().unwrap().try_into().unwrap();
        let error = refused(status, &body.to_string());
        assert_eq!((error.kind(), error.is_transient()), (kind.clone(), kind == ErrorKind::RateLimited), "{body}");
    }
}

/// Whatever the status and wherever it is named: a constraint is an organization policy's.
#[test]
fn a_constraint_is_never_a_conflict() {
    const NAT: &str = "constraints/compute.restrictCloudNATUsage";
    let nat = "Constraint constraints/compute.restrictCloudNATUsage violated for projects/p. projects/p is not allowed to use Cloud NAT.";
    let precondition = |constraint: &str| {
        let mut body = one_platform(400, "FAILED_PRECONDITION", "Not allowed.");
        body["error"]["details"] = json!([
            {"@type": "type.googleapis.com/google.rpc.PreconditionFailure",
             "violations": [{"type": constraint, "subject": "orgpolicy:projects/p", "description": "no"}]},
            {"@type": "type.googleapis.com/google.rpc.Help", "links": [{"url": "https://x/constraints/help"}]}]);
        body
    };
    let cases = [
        (compute(412, "conditionNotMet", nat), Some(NAT)),
        (compute(409, "conflict", nat), Some(NAT)),
        (compute(400, "invalid", nat), Some(NAT)),
        (compute(403, "forbidden", nat), Some(NAT)),
        (
            compute(412, "conditionNotMet", "Constraint compute.requireVpcFlowLogs violated for project p."),
            Some("compute.requireVpcFlowLogs"),
        ),
        (
            compute(
                412,
                "conditionNotMet",
                "Location REGION:r violates constraint constraints/gcp.resourceLocations on the resource projects/p/x.",
            ),
            Some("constraints/gcp.resourceLocations"),
        ),
        (
            one_platform(
                400,
                "FAILED_PRECONDITION",
                "Operation denied by custom org policies: [\"customConstraints/custom.a-b\": \"no\"].",
            ),
            Some("customConstraints/custom.a-b"),
        ),
        (one_platform(409, "ABORTED", "Operation denied by custom org policies."), None),
        (one_platform(400, "INVALID_ARGUMENT", "The request violates an organization policy."), None),
        (
            with_info(
                one_platform(403, "PERMISSION_DENIED", "No."),
                "CUSTOM_ORG_POLICY_VIOLATION",
                json!({"customConstraints": "customConstraints/custom.c"}),
            ),
            Some("customConstraints/custom.c"),
        ),
        (
            with_info(
                one_platform(
                    403,
                    "PERMISSION_DENIED",
                    "Request is disallowed by organization's constraints/gcp.restrictServiceUsage constraint for projects/7.",
                ),
                "RESOURCE_USAGE_RESTRICTION_VIOLATED",
                json!({}),
            ),
            Some("constraints/gcp.restrictServiceUsage"),
        ),
        (precondition("constraints/vpcaccess.x"), Some("constraints/vpcaccess.x")),
    ];
    for (body, constraint) in cases {
        let status = body["error"]["code"].as_u64().unwrap().try_into().unwrap();
        let error = refused(status, &body.to_string());
        assert_eq!(error.kind(), ErrorKind::OrgPolicy { constraint: constraint.map(str::to_owned) }, "{body}");
        assert!(!error.is_transient());
    }
    // Who may not read a policy is denied, and an API that is off is off.
    let denied_read =
        "Permission 'orgpolicy.policy.get' denied on resource 'projects/p/policies/constraints/compute.x'.";
    let error = refused(403, &one_platform(403, "PERMISSION_DENIED", denied_read).to_string());
    assert_eq!(error.kind(), denied("orgpolicy.policy.get"));
    let off = "Organization Policy API has not been used in project 7 before or it is disabled.";
    let error = refused(403, &one_platform(403, "PERMISSION_DENIED", off).to_string());
    assert_eq!((error.kind(), error.consumer()), (ErrorKind::ApiDisabled, Some("7")));
    let of_consumer = json!({"service": "run.googleapis.com", "consumer": "projects/billing-project"});
    let body = with_info(one_platform(403, "PERMISSION_DENIED", "Off."), "SERVICE_DISABLED", of_consumer);
    assert_eq!(refused(403, &body.to_string()).consumer(), Some("billing-project"));
}

#[test]
fn what_is_not_googles_json_is_judged_by_its_status() {
    let cases = [
        (502, "<html><p>Bad gateway</p></html>", ErrorKind::Transient, "an answer of 31 bytes not in Google's form"),
        (403, "", ErrorKind::Denied { permission: None }, "an empty answer"),
        (429, "slow\ndown", ErrorKind::RateLimited, "slow down"),
        (404, "[1]", ErrorKind::NotFound, "an answer of 3 bytes not in Google's form"),
        (500, r#"{"error": "text"}"#, ErrorKind::Transient, "an answer of 17 bytes not in Google's form"),
        (418, "null", ErrorKind::Invalid, "null"),
    ];
    for (status, body, kind, text) in cases {
        let error = refused(status, body);
        assert_eq!(error.kind(), kind, "{body}");
        assert!(error.to_string().ends_with(text), "{error}");
    }
}

#[test]
fn a_refusal_reads_as_one_short_line() {
    let message = format!("first\n\u{1b}[31msecond {}", "é".repeat(2000));
    let text = refused(400, &compute(400, "invalid", &message).to_string()).to_string();
    let start = "compute.firewalls.insert was refused: 400 Bad Request invalid: first  [31msecond é";
    assert!(text.starts_with(start), "{text}");
    assert!(text.chars().count() < 600 && !text.contains(char::is_control), "{text}");
}

#[test]
fn google_says_when_to_come_back() {
    let empty = || response(429, "{}");
    let date = |date| with_header(with_header(empty(), "date", "Tue, 07 Nov 2023 10:00:00 GMT"), "retry-after", date);
    let detail = json!({"error": {"details": [
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"}]}});
    let cases = [
        (empty(), None),
        (with_header(empty(), "retry-after", "7"), Some(7.0)),
        (with_header(empty(), "retry-after", "soon"), None),
        (with_header(empty(), "retry-after", "-1"), None),
        (date("Tue, 07 Nov 2023 10:00:20 GMT"), Some(20.0)),
        (date("Tue, 07 Nov 2023 09:00:00 GMT"), None),
        (response(429, detail.to_string()), Some(1.5)),
    ];
    for (response, seconds) in cases {
        let found = error_body::read("c", &response).retry_after();
        assert_eq!(found, seconds.map(Duration::from_secs_f64), "{response:?}");
    }
}

#[test]
fn what_cannot_be_read_is_not_repeated() {
    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code)]
    enum Known {
        One,
    }
    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code)]
    struct Document {
        name: u8,
        state: Known,
    }
    let cases = [
        (
            r#"{"name":"se\"cr3t"}"#,
            "c: the answer cannot be read: invalid type: string \"…\", expected u8 at line 1 column 18",
        ),
        (
            r#"{"name":1,"state":"s3cret"}"#,
            "c: the answer cannot be read: unknown variant `…`, expected `One` at line 1 column 26",
        ),
        (r#"{"name":1}"#, "c: the answer cannot be read: missing field `state` at line 1 column 10"),
    ];
    for (json, expected) in cases {
        let error = serde_json::from_str::<Document>(json).unwrap_err();
        assert_eq!(CallError::unreadable("c", error).to_string(), expected);
    }
}
