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
use tokio::time::timeout;

use crate::google::{
    calls::CallLog,
    credentials::{Credentials, CredentialsError},
    endpoints::Endpoints,
    error::CallError,
    error_body,
    method::{Call, Method},
    retry::repeat,
    transport::{Request, Response, SendError, Sent, Transport},
};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NAME: HeaderValue = HeaderValue::from_static(concat!("egress-reconciler/", env!("CARGO_PKG_VERSION")));

/// Google's APIs, as far as we use them. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    wire: Arc<Wire>,
    log: Option<CallLog>,
}

struct Wire {
    transport: Arc<dyn Transport>,
    endpoints: Endpoints,
    credentials: Credentials,
    seed: u64,
}

impl Client {
    /// A client whose delays between attempts are random.
    pub fn new(transport: Arc<dyn Transport>, endpoints: Endpoints, credentials: Credentials) -> Self {
        // The standard library's hasher keys are the operating system's randomness.
        Self::seeded(transport, endpoints, credentials, RandomState::new().build_hasher().finish())
    }

    /// A client whose delays between attempts follow from `seed` and the call alone.
    pub fn seeded(transport: Arc<dyn Transport>, endpoints: Endpoints, credentials: Credentials, seed: u64) -> Self {
        Self { wire: Arc::new(Wire { transport, endpoints, credentials, seed }), log: None }
    }

    /// The same client, counting its requests in `log`.
    pub fn with_log(&self, log: CallLog) -> Self {
        Self { wire: Arc::clone(&self.wire), log: Some(log) }
    }

    pub(super) fn prepare(&self, method: &Method, args: &[&str]) -> Result<Call, CallError> {
        Call::new(&self.wire.endpoints, method, args)
    }

    /// Sends the call, again if it may and must be, and decodes the answer.
    pub(super) async fn ask<T: DeserializeOwned>(&self, call: &Call) -> Result<T, CallError> {
        let mut hasher = DefaultHasher::new();
        (self.wire.seed, call.name, call.url.as_str()).hash(&mut hasher);
        repeat(call.name, call.repeat, hasher.finish(), |deadline| self.attempt(call, deadline)).await
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
