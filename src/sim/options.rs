//! Settings of a simulated cloud that are not part of its world.

use std::time::Duration;

use http::Uri;
use jiff::Timestamp;

/// Quotas of calls per minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quotas {
    #[default]
    None,
    /// The default limits of Google's documents, for every project and region.
    Google,
}

#[derive(Debug, Clone)]
pub struct Options {
    /// The start time of a world that has none.
    pub now: Timestamp,
    /// Overrides the world's seed.
    pub seed: Option<u64>,
    /// Duration of a VPC Access operation.
    pub connector: Duration,
    /// Duration of a Compute operation.
    pub operation: Duration,
    /// Duration of a Cloud Run operation.
    pub settling: Duration,
    /// How long reads show the old connector after its operation is done.
    pub lag: Duration,
    /// Latency of every answer.
    pub latency: Duration,
    /// The caller of a request whose token is not an e-mail address.
    pub caller: String,
    /// The push endpoint of audit entries.
    pub push_to: Option<Uri>,
    /// The URL of a topic on a Pub/Sub emulator that audit entries are published to: `…/v1/projects/P/topics/T:publish`.
    pub publish_to: Option<Uri>,
    /// The subscription that the pushes name.
    pub subscription: String,
    /// The quotas of calls that hold from the start.
    pub quotas: Quotas,
    /// The address of the container of the world's Cloud Run services; without it they answer 503.
    pub service_at: Option<Uri>,
}

impl Options {
    pub fn starting_at(now: Timestamp) -> Self {
        Self {
            now,
            seed: None,
            connector: Duration::from_secs(60),
            operation: Duration::from_secs(1),
            settling: Duration::from_secs(2),
            lag: Duration::from_secs(5),
            latency: Duration::ZERO,
            caller: "operator@example.com".to_owned(),
            push_to: None,
            publish_to: None,
            subscription: "projects/simulated/subscriptions/audit".to_owned(),
            quotas: Quotas::None,
            service_at: None,
        }
    }
}
