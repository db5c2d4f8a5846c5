//! Google's quotas of calls: every call counts against one bucket of its project, or of its project and region, which is
//! full again with the next minute. <https://cloud.google.com/compute/api-quota>, <https://cloud.google.com/run/quotas>

use serde_json::json;

use crate::sim::api::{
    errors::{Code, Refusal},
    service::Service,
};

/// A quota: the names of its metric, of what is counted, and of its limit.
pub type Quota = [&'static str; 3];

pub const READS: Quota = ["read_requests", "Read requests", "ReadRequests"];
pub const LISTS: Quota = ["list_requests", "List requests", "ListRequests"];
pub const OPERATIONS: Quota = ["operation_read_requests", "Operation read requests", "OperationReadRequests"];
pub const HEAVY: Quota = ["heavy_weight_read_requests", "Heavy-weight read requests", "HeavyWeightReadRequests"];
pub const QUERIES: Quota = ["default", "Queries", "default"];
pub const QUERIES_IN_REGION: Quota = ["default", "Queries", "Queries"];
pub const WRITES: Quota = ["write_requests", "Write requests", "WriteRequests"];
pub const RUN_READS: Quota = ["read", "Read requests", "Read"];
pub const RUN_WRITES: Quota = ["write", "Write requests", "Write"];

/// The default limits of Google's documents, in calls per minute. <https://cloud.google.com/compute/docs/api-rate-limits>,
/// <https://cloud.google.com/network-connectivity/docs/router/quotas>, <https://cloud.google.com/run/quotas>
pub const GOOGLE: [(&str, u64); 7] = [
    ("compute.googleapis.com/default", 1_500),
    ("compute.googleapis.com/read_requests", 1_500),
    ("compute.googleapis.com/list_requests", 1_500),
    ("compute.googleapis.com/operation_read_requests", 1_500),
    ("compute.googleapis.com/list_requests_per_region", 1_500),
    ("run.googleapis.com/read_regional", 3_000),
    ("run.googleapis.com/write_regional", 180),
];

/// A scope of quotas: the suffixes of a quota's three names.
pub type Scope = [&'static str; 3];

pub const PROJECT: Scope = ["", " per minute", "PerMinutePerProject"];
pub const REGION: Scope = ["_per_region", " per minute per region", "PerMinutePerRegion"];
pub const RUN_REGION: Scope = ["_regional", " per minute per region", "PerMinutePerProjectRegion"];

/// The quota of a project or region that a call counts against.
#[derive(Debug, Clone)]
pub struct Bucket {
    service: Service,
    quota: Quota,
    scope: Scope,
    region: Option<String>,
}

impl Bucket {
    pub fn new(service: Service, quota: Quota, scope: Scope, region: Option<String>) -> Self {
        Self { service, quota, scope, region }
    }

    /// Google's name of the metric, such as `compute.googleapis.com/list_requests_per_region`.
    pub fn metric(&self) -> String {
        format!("{}/{}{}", self.service.host(), self.quota[0], self.scope[0])
    }

    /// `global`, or the region.
    pub fn location(&self) -> &str {
        let regional = self.scope != PROJECT;
        self.region.as_deref().filter(|_| regional).unwrap_or("global")
    }

    /// The error of a call that exceeds the quota, whose limit it names.
    pub fn refusal(&self, number: &str, limit: Option<u64>) -> Refusal {
        let host = self.service.host();
        let [_, counted, id] = self.quota;
        let [_, per, id_per] = self.scope;
        let message = format!(
            "Quota exceeded for quota metric '{counted}' and limit '{counted}{per}' of service '{host}' for consumer \
             'project_number:{number}'."
        );
        // Compute's status differs from that of other services.
        let code = if self.service == Service::Compute { Code::PERMISSION_DENIED } else { Code::RESOURCE_EXHAUSTED };
        let mut info = json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "RATE_LIMIT_EXCEEDED",
            "domain": "googleapis.com",
            "metadata": {
                "service": host,
                "consumer": format!("projects/{number}"),
                "quota_metric": self.metric(),
                "quota_limit": format!("{id}{id_per}"),
                "quota_location": self.location(),
                "quota_unit": if self.scope == PROJECT { "1/min/{project}" } else { "1/min/{project}/{region}" },
            },
        });
        if let Some(limit) = limit {
            info["metadata"]["quota_limit_value"] = limit.to_string().into();
        }
        Refusal::new(code, "rateLimitExceeded", message).with(info)
    }
}
