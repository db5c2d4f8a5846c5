//! Google's quotas of calls: every call counts against one bucket of its project, or of its project and region, which is
//! full again with the next minute. <https://cloud.google.com/compute/api-quota>, <https://cloud.google.com/run/quotas>

use serde_json::json;

use crate::sim::{
    api::{
        errors::{Code, Refusal},
        service::Service,
    },
    http::routes::{Route, Target, Verb},
};

/// What calls have in common that count against one bucket: the names of the metric, of what is counted, of the limit.
type Quota = [&'static str; 3];

const READS: Quota = ["read_requests", "Read requests", "ReadRequests"];
const LISTS: Quota = ["list_requests", "List requests", "ListRequests"];
const OPERATIONS: Quota = ["operation_read_requests", "Operation read requests", "OperationReadRequests"];
const HEAVY: Quota = ["heavy_weight_read_requests", "Heavy-weight read requests", "HeavyWeightReadRequests"];
const QUERIES: Quota = ["default", "Queries", "default"];
const QUERIES_IN_REGION: Quota = ["default", "Queries", "Queries"];
const WRITES: Quota = ["write_requests", "Write requests", "WriteRequests"];
const RUN_READS: Quota = ["read", "Read requests", "Read"];
const RUN_WRITES: Quota = ["write", "Write requests", "Write"];

/// What is put behind each of the three names for what the bucket belongs to.
type Scope = [&'static str; 3];

const PROJECT: Scope = ["", " per minute", "PerMinutePerProject"];
const REGION: Scope = ["_per_region", " per minute per region", "PerMinutePerRegion"];
const RUN_REGION: Scope = ["_regional", " per minute per region", "PerMinutePerProjectRegion"];

/// What a call counts against.
#[derive(Debug, Clone)]
pub struct Bucket {
    service: Service,
    quota: Quota,
    scope: Scope,
    region: Option<String>,
}

impl Bucket {
    /// None for services whose quotas are of no matter here.
    pub fn of(route: &Route) -> Option<Self> {
        let region = route.region.clone().filter(|region| region != "-");
        let reads = matches!(route.verb, Verb::Get | Verb::List | Verb::Own("getIamPolicy" | "testIamPermissions"));
        let (quota, scope) = match (route.service, region.is_some()) {
            (Service::Compute, regional) => (compute(route), if regional { REGION } else { PROJECT }),
            (Service::Run, _) => (if reads { RUN_READS } else { RUN_WRITES }, RUN_REGION),
            // Google does not say what those of VPC Access are called.
            (Service::VpcAccess, _) => (if reads { READS } else { WRITES }, PROJECT),
            _ => return None,
        };
        Some(Self { service: route.service, quota, scope, region })
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

    /// The refusal of a call that finds the bucket of a project empty.
    pub fn refusal(&self, number: &str) -> Refusal {
        let host = self.service.host();
        let [_, counted, id] = self.quota;
        let [_, per, id_per] = self.scope;
        let message = format!(
            "Quota exceeded for quota metric '{counted}' and limit '{counted}{per}' of service '{host}' for consumer \
             'project_number:{number}'."
        );
        // Compute has another status than all others.
        let code = if self.service == Service::Compute { Code::PERMISSION_DENIED } else { Code::RESOURCE_EXHAUSTED };
        Refusal::new(code, "rateLimitExceeded", message).with(json!({
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
        }))
    }
}

fn compute(route: &Route) -> Quota {
    match (route.target, route.verb) {
        (_, Verb::AggregatedList | Verb::Own("wait" | "getEffectiveFirewalls")) => HEAVY,
        (Target::Operations, Verb::Get) => OPERATIONS,
        (_, Verb::Get) => READS,
        (_, Verb::List) => LISTS,
        _ if route.region.is_some() => QUERIES_IN_REGION,
        _ => QUERIES,
    }
}
