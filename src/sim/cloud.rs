//! The cloud: a world that answers requests, in process or over HTTP.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::Router;
use bytes::Bytes;
use http::{HeaderValue, Request as HttpRequest, StatusCode, Uri, header};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Notify;

use crate::google::transport::{BoxFuture, Request, Response, SendError, Sent, Transport};

use crate::sim::{
    api::errors::{Refusal, Shape},
    control,
    faults::{Fault, FaultKind},
    http::{call::Call, calls::Logged, encodings as encoding},
    outbound as push,
    services::pubsub::publisher::Published,
    state::State,
    world::{World, WorldError, snapshot},
};

/// How a simulated cloud behaves, beyond what its world holds.
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

/// A handle on the simulated cloud; every clone is the same cloud.
#[derive(Clone)]
pub struct Cloud(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    deliver: Option<Arc<dyn Transport>>,
    /// Told when there is something new to deliver, or when time has jumped.
    stirred: Notify,
}

/// What becomes of a request.
pub enum Reply {
    Answered(Response),
    /// The connection breaks.
    Broken,
}

impl Cloud {
    /// Brings a world to life. While [`Cloud::run`] runs, audit entries go where `options` says, through `deliver`.
    pub fn new(world: World, options: Options, deliver: Option<Arc<dyn Transport>>) -> Result<Self, WorldError> {
        let state = snapshot::alive(world, options)?;
        Ok(Self(Arc::new(Inner { state: Mutex::new(state), deliver, stirred: Notify::new() })))
    }

    /// The seam: requests are answered in process.
    pub fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(self.clone())
    }

    /// The same world over HTTP/1.1 and HTTP/2 on one port: the APIs, the Pub/Sub publisher and `/sim/…`.
    pub fn router(&self) -> Router {
        control::router(self.clone())
    }

    /// Delivers audit entries as their time comes, and what waits in subscriptions that push. Never ends.
    pub async fn run(&self) {
        push::run(self, self.0.deliver.clone()).await;
    }

    pub fn now(&self) -> Timestamp {
        self.state().clock.now()
    }

    /// Moves simulated time forward.
    pub fn advance(&self, by: Duration) {
        self.state().clock.advance(by);
        self.stir();
    }

    /// The world as it stands now.
    pub fn world(&self) -> World {
        snapshot::of(&self.state())
    }

    /// The audit entries that have come out by now, oldest first.
    pub fn audit_entries(&self) -> Vec<Value> {
        let state = self.state();
        state.audit.entries(state.clock.now())
    }

    pub fn calls(&self) -> Vec<Logged> {
        self.state().calls.all()
    }

    pub fn published(&self) -> Vec<Published> {
        self.state().mail.published.iter().cloned().collect()
    }

    /// Lays a fault in the way of calls to come and returns its id.
    pub fn lay(&self, fault: Fault) -> String {
        self.state().faults.lay(fault)
    }

    /// Takes every fault out of the way.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// The state is consistent between calls, whatever became of the thread that held it.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is something new to deliver.
    pub(super) fn stir(&self) {
        self.0.stirred.notify_one();
    }

    pub(super) async fn stirred(&self) {
        self.0.stirred.notified().await;
    }

    /// Answers one request to an API.
    pub(super) async fn handle(&self, request: HttpRequest<Bytes>) -> Reply {
        let (began, heard, takes) = {
            let mut state = self.state();
            let heard = state.hear(&request);
            let takes = state.options.latency + heard.as_ref().map_or(Duration::ZERO, |call| state.takes(call));
            (state.clock.now(), heard, takes)
        };
        tokio::time::sleep(takes).await;
        let mut state = self.state();
        let reply = match heard {
            Err((refusal, shape)) => {
                let reply = refused(&refusal, shape);
                state.log(&request, None, reply.status().as_u16(), began);
                Reply::Answered(reply)
            }
            Ok(mut call) => {
                call.now = state.clock.now();
                let reply = answered(&mut state, &call);
                let status = match &reply {
                    Reply::Answered(response) => response.status().as_u16(),
                    Reply::Broken => 0,
                };
                state.log(&request, Some(&call), status, began);
                reply
            }
        };
        drop(state);
        self.stir();
        reply
    }
}

fn answered(state: &mut State, call: &Call) -> Reply {
    if call.fault(FaultKind::ResetBefore).is_some() {
        return Reply::Broken;
    }
    let mut response = match state.answer(call) {
        Ok(document) => response(StatusCode::OK, &encoding::encoded(call, document)),
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

fn response(status: StatusCode, document: &Value) -> Response {
    let mut response = Response::new(document.to_string().into());
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json; charset=UTF-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn refused(refusal: &Refusal, shape: Shape) -> Response {
    let status = StatusCode::from_u16(refusal.code.http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response(status, &refusal.document(shape))
}

impl Transport for Cloud {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>> {
        Box::pin(async move {
            let lost = |source: &str| SendError { sent: Sent::Maybe, source: source.into() };
            match tokio::time::timeout(request.deadline, self.handle(request.http)).await {
                Ok(Reply::Answered(response)) => Ok(response),
                Ok(Reply::Broken) => Err(lost("connection reset by peer")),
                Err(_) => Err(lost("deadline has elapsed")),
            }
        })
    }
}
