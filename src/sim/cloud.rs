//! The cloud: a world that answers requests in process. `control` serves it over HTTP.

use std::{
    collections::BTreeMap,
    sync::{Arc, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderValue, Request as HttpRequest, StatusCode, header};
use jiff::Timestamp;
use serde_json::Value;

use crate::google::transport::{BoxFuture, Request, Response, SendError, Sent, Transport};

pub use super::options::{Options, Quotas};
use super::{
    api::errors::{Refusal, Shape},
    dispatch,
    faults::{Fault, FaultKind},
    http::{
        answers::{refused, response},
        batch,
        call::Call,
        calls::Logged,
        encodings,
    },
    outbound,
    services::KINDS,
    state::{State, handle::Handle, messages::Published},
    world::{World, WorldError, snapshot},
};

/// The simulated cloud; every clone is the same cloud.
#[derive(Clone)]
pub struct Cloud {
    handle: Handle,
    deliver: Option<Arc<dyn Transport>>,
}

/// The result of a request.
pub enum Reply {
    Answered(Response),
    /// The connection breaks.
    Broken,
}

impl Cloud {
    /// Starts a world. While [`Cloud::run`] runs, audit entries are sent to the addresses of `options` through `deliver`.
    pub fn new(world: World, options: Options, deliver: Option<Arc<dyn Transport>>) -> Result<Self, WorldError> {
        Ok(Self { handle: Handle::new(snapshot::start(world, options)?), deliver })
    }

    /// A transport that answers requests in process.
    pub fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(self.clone())
    }

    /// Delivers audit entries when they are routed, messages of push subscriptions, and scheduled jobs. Never returns.
    pub async fn run(&self) {
        outbound::run(&self.handle, self.deliver.clone()).await;
    }

    pub fn now(&self) -> Timestamp {
        self.state().clock.now()
    }

    /// Advances simulated time.
    pub fn advance(&self, by: Duration) {
        self.state().clock.advance(by);
        self.handle.advanced();
    }

    /// The current world.
    pub fn world(&self) -> World {
        snapshot::of(&self.state())
    }

    /// The audit entries that have been routed by now, oldest first.
    pub fn audit_entries(&self) -> Vec<Value> {
        let state = self.state();
        state.audit.entries(state.clock.now())
    }

    pub fn calls(&self) -> Vec<Logged> {
        self.state().calls.all()
    }

    pub fn published(&self) -> Vec<Published> {
        self.state().messages.published.iter().cloned().collect()
    }

    /// Injects a fault into the calls that match it, and returns its id.
    pub fn inject(&self, fault: Fault) -> String {
        self.state().faults.inject(fault)
    }

    /// Removes every fault.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Calls refused for want of quota, by metric.
    pub fn quota_refusals(&self) -> BTreeMap<String, u64> {
        self.state().faults.refused().clone()
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.handle.state()
    }

    /// Answers a request to an API, or each of those that one request holds.
    pub(super) async fn send_http(&self, request: HttpRequest<Bytes>) -> Reply {
        if !batch::is_batch(&request) {
            return self.send_one(request).await;
        }
        let Some(parts) = batch::parts(&request) else {
            let refusal = Refusal::bad_request("Failed to parse batch request, error: no parts.");
            return Reply::Answered(refused(&refusal, Shape::Compute));
        };
        let replies = join_all(parts.iter().map(|part| self.send_one(part.request.clone()))).await;
        let answers = replies.into_iter().map(|reply| match reply {
            Reply::Answered(response) => Some(response),
            Reply::Broken => None,
        });
        // A connection that breaks takes the other answers along.
        let answers: Option<Vec<Response>> = answers.collect();
        answers.map_or(Reply::Broken, |answers| Reply::Answered(batch::joined(parts.iter().zip(answers))))
    }

    /// Answers one request.
    async fn send_one(&self, request: HttpRequest<Bytes>) -> Reply {
        let (started, routed, delay) = {
            let mut state = self.state();
            let routed = dispatch::route(&mut state, &request);
            let delay = state.options.latency + routed.as_ref().map_or(Duration::ZERO, dispatch::delay);
            (state.clock.now(), routed, delay)
        };
        tokio::time::sleep(delay).await;
        if let Ok(call) = &routed {
            self.hold_back(call).await;
        }
        let mut state = self.state();
        let reply = match routed {
            Err((refusal, shape)) => {
                let reply = refused(&refusal, shape);
                dispatch::log(&mut state, &request, None, reply.status().as_u16(), started);
                Reply::Answered(reply)
            }
            Ok(mut call) => {
                call.now = state.clock.now();
                let reply = answered(&mut state, &call);
                let status = match &reply {
                    Reply::Answered(response) => response.status().as_u16(),
                    Reply::Broken => 0,
                };
                dispatch::log(&mut state, &request, Some(&call), status, started);
                reply
            }
        };
        drop(state);
        self.handle.notify();
        reply
    }
}

impl Cloud {
    /// Returns when a `wait` is to be answered, and at once for any other call.
    async fn hold_back(&self, call: &Call) {
        loop {
            let advanced = self.handle.time_advanced();
            let left = dispatch::held_back(&self.state(), call);
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                () = advanced => {}
            }
        }
    }
}

fn answered(state: &mut State, call: &Call) -> Reply {
    if call.fault(FaultKind::ResetBefore).is_some() {
        return Reply::Broken;
    }
    let mut response = match dispatch::answer(state, call) {
        Ok(document) => response(StatusCode::OK, &encodings::encoded(KINDS, call, document)),
        Err(refusal) => refused(&refusal, call.shape()),
    };
    if let Some(fault) = call.fault(FaultKind::Rate).filter(|fault| fault.ms > 0) {
        let seconds = HeaderValue::from(fault.ms.div_ceil(1000));
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    if call.fault(FaultKind::ResetAfter).is_some() {
        return Reply::Broken;
    }
    if call.fault(FaultKind::Truncate).is_some() {
        let half = response.body().len() / 2;
        response.body_mut().truncate(half);
    }
    Reply::Answered(response)
}

impl Transport for Cloud {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>> {
        Box::pin(async move {
            let lost = |source: &str| SendError { sent: Sent::Maybe, source: source.into() };
            match tokio::time::timeout(request.deadline, self.send_http(request.http)).await {
                Ok(Reply::Answered(response)) => Ok(response),
                Ok(Reply::Broken) => Err(lost("connection reset by peer")),
                Err(_) => Err(lost("deadline has elapsed")),
            }
        })
    }
}
