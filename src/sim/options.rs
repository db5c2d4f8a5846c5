//! How a simulated cloud behaves, beyond what its world holds.

use std::time::Duration;

use http::Uri;
use jiff::Timestamp;

#[derive(Debug, Clone)]
pub struct Options {
    /// The time at which a world begins that does not say so itself.
    pub now: Timestamp,
    /// In place of the world's own.
    pub seed: Option<u64>,
    /// How long a connector takes to be made, changed or deleted.
    pub connector: Duration,
    /// How long a Compute operation takes.
    pub operation: Duration,
    /// How long Cloud Run takes to settle what was deployed or deleted.
    pub settling: Duration,
    /// For so long after its operation is done, a connector is still read as it was.
    pub lag: Duration,
    /// How long every answer takes.
    pub latency: Duration,
    /// The caller of a request without a token that is an e-mail address.
    pub caller: String,
    /// Where audit entries are pushed to.
    pub push_to: Option<Uri>,
    /// Where audit entries are published to: a topic's URL on a Pub/Sub emulator, `…/v1/projects/P/topics/T:publish`.
    pub publish_to: Option<Uri>,
    /// The subscription that pushes them.
    pub subscription: String,
    /// Where the container of the world's Cloud Run services listens; without it none of them answers.
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
            service_at: None,
        }
    }
}
