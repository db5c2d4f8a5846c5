//! Where reports go: Pub/Sub, or standard output where the policy names no topic.

use std::{sync::Arc, time::Duration};

use google_cloud_auth::credentials::Credentials;
use google_cloud_gax::{error::rpc::Code, retry_policy::RetryPolicyExt};
use google_cloud_pubsub::{
    client::{BasePublisher, Publisher},
    error::PublishError as PubSubError,
    model::Message,
    retry_policy::RetryableErrors,
};
use tokio::{sync::OnceCell, time::timeout};

use super::cloudevent;
use crate::{domain::report::Report, google::transport::BoxFuture};

/// The client repeats so long; its own default is ten minutes.
const REPEAT_FOR: Duration = Duration::from_secs(8);
const DEADLINE: Duration = Duration::from_secs(10);

/// Sends a report out. Nothing is kept here: who calls decides what to do with a failure.
pub trait Publish: Send + Sync {
    fn publish<'a>(&'a self, report: &'a Report) -> BoxFuture<'a, Result<(), PublishError>>;
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum PublishError {
    /// It may work in a moment.
    #[error("the report could not be published for now: {0}")]
    Transient(String),
    /// A person must act: the topic is missing, or the permission.
    #[error("the report was refused: {0}; check that the topic exists and that this service may publish to it")]
    Refused(String),
    /// This report cannot be sent, however often: others can.
    #[error("the report is not one that the topic takes: {0}")]
    Unfit(String),
}

/// One JSON line for each report.
pub struct Stdout;

impl Publish for Stdout {
    fn publish<'a>(&'a self, report: &'a Report) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            println!("{}", cloudevent::body(report));
            Ok(())
        })
    }
}

/// Reports that somebody else shows.
struct Discard;

impl Publish for Discard {
    fn publish<'a>(&'a self, _: &'a Report) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A Pub/Sub topic. Nothing is connected before the first report.
pub struct Topic {
    name: String,
    endpoint: Option<String>,
    credentials: Option<Credentials>,
    publisher: OnceCell<Publisher>,
}

impl Topic {
    /// `name` is `projects/P/topics/T`. `emulator` (`HOST:PORT`, spoken to in plain text and without credentials) takes
    /// the place of Google.
    pub fn new(name: String, emulator: Option<&str>) -> Self {
        Self {
            name,
            endpoint: emulator.map(|host| format!("http://{host}")),
            credentials: emulator.map(|_| google_cloud_auth::credentials::anonymous::Builder::new().build()),
            publisher: OnceCell::new(),
        }
    }

    async fn connect(&self) -> Result<Publisher, PublishError> {
        let mut builder = BasePublisher::builder().with_retry_policy(RetryableErrors.with_time_limit(REPEAT_FOR));
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(credentials) = &self.credentials {
            builder = builder.with_credentials(credentials.clone());
        }
        let base = builder.build().await.map_err(|error| PublishError::Transient(error.to_string()))?;
        // A report is sent at once: batches are for those who send many.
        Ok(base.publisher(&self.name).set_message_count_threshold(1).build())
    }

    async fn send(&self, message: Message) -> Result<(), PublishError> {
        let publisher = self.publisher.get_or_try_init(|| self.connect()).await?;
        publisher.publish(message).await.map(drop).map_err(|error| explain(&self.name, &error))
    }
}

impl Publish for Topic {
    fn publish<'a>(&'a self, report: &'a Report) -> BoxFuture<'a, Result<(), PublishError>> {
        let message = Message::new().set_data(cloudevent::body(report)).set_attributes(cloudevent::attributes(report));
        Box::pin(async move {
            match timeout(DEADLINE, self.send(message)).await {
                Ok(result) => result,
                Err(_) => Err(PublishError::Transient(format!(
                    "{} did not answer within {} s",
                    self.name,
                    DEADLINE.as_secs()
                ))),
            }
        })
    }
}

fn explain(topic: &str, error: &PubSubError) -> PublishError {
    let PubSubError::Rpc(rpc) = error else { return PublishError::Transient(format!("{topic}: {error}")) };
    let text = format!("{topic}: {rpc}");
    match rpc.status().map(|status| status.code) {
        Some(Code::NotFound | Code::PermissionDenied | Code::Unauthenticated | Code::FailedPrecondition) => {
            PublishError::Refused(text)
        }
        Some(Code::InvalidArgument | Code::OutOfRange) => PublishError::Unfit(text),
        _ => PublishError::Transient(text),
    }
}

/// Where reports go for which there is no topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithoutTopic {
    /// One JSON line each.
    Stdout,
    /// Nowhere: a command prints what it found itself.
    Discard,
}

/// The way out that a policy asks for.
pub fn to(topic: Option<&str>, emulator: Option<&str>, without: WithoutTopic) -> Arc<dyn Publish> {
    match (topic, without) {
        (Some(name), _) => Arc::new(Topic::new(name.to_owned(), emulator)),
        (None, WithoutTopic::Stdout) => Arc::new(Stdout),
        (None, WithoutTopic::Discard) => Arc::new(Discard),
    }
}
