//! Sends calls and reads answers.

use std::{
    hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState},
    sync::Arc,
    time::Duration,
};

use ::http::{
    HeaderMap, HeaderValue,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT},
};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::google::{
    calls::CallLog,
    credentials::{Credentials, CredentialsError},
    endpoints::Endpoints,
    error::CallError,
    error_body,
    governor::{Governor, Held, Priority},
    method::{Call, Method},
    retry::{Next, Patience, Repeat},
    transport::{Request, Response, SendError, Sent, Transport},
};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NAME: HeaderValue = HeaderValue::from_static(concat!("egress-reconciler/", env!("CARGO_PKG_VERSION")));

/// How long a deletion waits, or a write of a whole list: a moment later it may undo what others did.
const MOMENT: Duration = Duration::from_secs(1);
/// How long any other write waits: it rests on a look that ages.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);

/// Told of every call that waited for a quota of an API, such as `compute.googleapis.com`, and for how long.
pub type WaitObserver = Arc<dyn Fn(&'static str, Duration) + Send + Sync>;

/// Google's APIs, as far as we use them. Cheap to clone; clones share Google's quotas.
#[derive(Clone)]
pub struct Client {
    wire: Arc<Wire>,
    log: Option<CallLog>,
    priority: Priority,
    waits: Option<WaitObserver>,
}

struct Wire {
    transport: Arc<dyn Transport>,
    endpoints: Endpoints,
    credentials: Credentials,
    seed: u64,
    governor: Governor,
}

impl Client {
    /// A client whose delays between attempts are random.
    pub fn new(transport: Arc<dyn Transport>, endpoints: Endpoints, credentials: Credentials) -> Self {
        // The standard library's hasher keys are the operating system's randomness.
        Self::seeded(transport, endpoints, credentials, RandomState::new().build_hasher().finish())
    }

    /// A client whose delays between attempts follow from `seed` and the call alone.
    pub fn seeded(transport: Arc<dyn Transport>, endpoints: Endpoints, credentials: Credentials, seed: u64) -> Self {
        let wire = Wire { transport, endpoints, credentials, seed, governor: Governor::default() };
        Self { wire: Arc::new(wire), log: None, priority: Priority::Event, waits: None }
    }

    /// The same client, counting its requests in `log`.
    pub fn with_log(&self, log: CallLog) -> Self {
        Self { log: Some(log), ..self.clone() }
    }

    /// The same client for a sweep: where calls wait for a quota, its calls let those of events go first, until `hurry` is
    /// cancelled because an event waits for the sweep.
    pub fn for_sweep(&self, hurry: CancellationToken) -> Self {
        Self { priority: Priority::Sweep(hurry), ..self.clone() }
    }

    /// The same client for what others wait for: its calls give way to none.
    pub fn without_delay(&self) -> Self {
        Self { priority: Priority::Event, ..self.clone() }
    }

    /// The same client, telling of its waits.
    pub fn observed(&self, waits: WaitObserver) -> Self {
        Self { waits: Some(waits), ..self.clone() }
    }

    pub(super) fn prepare(&self, method: &Method, args: &[&str]) -> Result<Call, CallError> {
        Call::new(&self.wire.endpoints, method, args)
    }

    /// Sends the call, again if it may and must be, and decodes the answer.
    pub(super) async fn ask<T: DeserializeOwned>(&self, call: &Call) -> Result<T, CallError> {
        let mut hasher = DefaultHasher::new();
        (self.wire.seed, call.name, call.url.as_str()).hash(&mut hasher);
        let mut patience = Patience::new(call.repeat, hasher.finish());
        loop {
            self.turn(call).await?;
            let begun = Instant::now();
            let error = match self.attempt(call, patience.deadline()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let is_held = error.holds_others();
            if is_held {
                self.wire.governor.hold(&call.bucket, begun, error.retry_after(), error.limit());
            }
            match patience.after(&error, begun.elapsed(), is_held) {
                // Google asks for more than may be waited: what it said is told.
                Next::Again { .. } if is_held && !self.wire.governor.may_wait(&call.bucket, &self.priority) => {
                    return Err(error);
                }
                Next::Again { pause } => {
                    tracing::debug!(call = call.name, %error, pause_ms = pause.as_secs_f64() * 1000.0, "the call is repeated");
                    sleep(pause).await;
                }
                Next::GiveUp => return Err(error),
            }
        }
    }

    /// Waits until Google's quota has room for the call.
    async fn turn(&self, call: &Call) -> Result<(), CallError> {
        let (name, metric) = (call.name, call.bucket.quota.metric);
        let governor = &self.wire.governor;
        let turn = governor.turn(&call.bucket, &self.priority);
        let patience = match (call.repeat, &call.verb) {
            (Repeat::Read, _) => None,
            (Repeat::Never, _) | (_, &::http::Method::DELETE) => Some(MOMENT),
            _ => Some(WRITE_PATIENCE),
        };
        let turn = match patience {
            Some(patience) => timeout(patience, turn).await.unwrap_or_else(|_| Err(governor.held(&call.bucket))),
            None => turn.await,
        };
        let waited = turn.map_err(|Held { left }| CallError::Held { call: name, metric, left })?;
        if !waited.is_zero() {
            if let Some(log) = &self.log {
                log.wait(&call.bucket, waited);
            }
            if let Some(tell) = &self.waits {
                tell(call.bucket.quota.api(), waited);
            }
        }
        Ok(())
    }

    /// Whether there are credentials that give a token. Nothing else is asked.
    pub async fn authenticate(&self) -> Result<(), CredentialsError> {
        self.wire.credentials.headers().await.map(drop)
    }

    /// Sends the call once.
    pub(super) async fn attempt<T: DeserializeOwned>(&self, call: &Call, deadline: Duration) -> Result<T, CallError> {
        let name = call.name;
        let proof = self.wire.credentials.headers().await;
        let request = Request {
            call: name,
            http: encode(call, proof.map_err(|source| CallError::Credentials { call: name, source })?)?,
            deadline,
        };
        if let Some(log) = &self.log {
            log.count(name);
        }
        let response = timeout(deadline, self.wire.transport.send(request))
            .await
            .unwrap_or_else(|elapsed| Err(no_answer(elapsed)))
            .map_err(|source| CallError::Unreachable { call: name, source })?;
        decode(name, &response)
    }
}

fn encode(call: &Call, mut headers: HeaderMap) -> Result<::http::Request<Bytes>, CallError> {
    headers.insert(ACCEPT, JSON);
    headers.insert(USER_AGENT, NAME);
    if call.body.is_some() {
        headers.insert(CONTENT_TYPE, JSON);
    } else if call.verb == ::http::Method::POST {
        // Over HTTP/1.1 Google answers 411 to a POST that does not say how long it is.
        headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
    }
    let mut request = ::http::Request::builder()
        .method(call.verb.clone())
        .uri(call.url.as_str())
        .body(call.body.clone().unwrap_or_default())
        .map_err(|error| CallError::Unsendable { call: call.name, source: Box::new(error) })?;
    *request.headers_mut() = headers;
    Ok(request)
}

fn decode<T: DeserializeOwned>(call: &'static str, response: &Response) -> Result<T, CallError> {
    if !response.status().is_success() {
        return Err(error_body::read(call, response));
    }
    serde_json::from_slice(response.body()).map_err(|error| {
        // JSON that stops too early is a broken connection, not a strange answer.
        if error.is_eof() {
            CallError::Unreachable { call, source: no_answer(error) }
        } else {
            CallError::unreadable(call, error)
        }
    })
}

fn no_answer(source: impl std::error::Error + Send + Sync + 'static) -> SendError {
    SendError { sent: Sent::Maybe, source: Box::new(source) }
}
