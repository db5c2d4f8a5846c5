//! Pub/Sub's publisher, over gRPC: `google.pubsub.v1.Publisher/Publish`.

use std::collections::HashMap;

use axum::{Router, body::Body, extract::State as Extract, routing::post};
use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use http::{Request as HttpRequest, Response as HttpResponse};
use prost::Message;
use serde_json::{Value, json};
use tonic::{
    Request, Response, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    server::{Grpc, UnaryService},
};

use crate::sim::{
    api::{links, permissions},
    faults::{CallInfo, Fault, FaultKind},
    http::calls::Logged,
    state::{State, handle::Handle, messages::Published},
    store::clock::written,
};

use super::delivery;

const METHOD: &str = "pubsub.publish";

/// <https://github.com/googleapis/googleapis/blob/master/google/pubsub/v1/pubsub.proto>
#[derive(Clone, PartialEq, Message)]
pub struct PublishRequest {
    #[prost(string, tag = "1")]
    pub topic: String,
    #[prost(message, repeated, tag = "2")]
    pub messages: Vec<PubsubMessage>,
}

#[derive(Clone, PartialEq, Message)]
pub struct PubsubMessage {
    #[prost(bytes = "vec", tag = "1")]
    pub data: Vec<u8>,
    #[prost(map = "string, string", tag = "2")]
    pub attributes: HashMap<String, String>,
    #[prost(string, tag = "5")]
    pub ordering_key: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct PublishResponse {
    #[prost(string, repeated, tag = "1")]
    pub message_ids: Vec<String>,
}

pub fn router(handle: Handle) -> Router {
    Router::new().route("/google.pubsub.v1.Publisher/Publish", post(publish)).with_state(handle)
}

async fn publish(Extract(handle): Extract<Handle>, request: HttpRequest<Body>) -> HttpResponse<tonic::body::Body> {
    let caller = permissions::caller(request.headers(), &handle.state().options.caller);
    Grpc::new(Prost).unary(Publisher { handle, caller }, request).await
}

struct Publisher {
    handle: Handle,
    caller: String,
}

impl UnaryService<PublishRequest> for Publisher {
    type Response = PublishResponse;
    type Future = std::future::Ready<Result<Response<PublishResponse>, Status>>;

    fn call(&mut self, request: Request<PublishRequest>) -> Self::Future {
        let request = request.into_inner();
        let mut state = self.handle.state();
        let published = accept(&mut state, &self.caller, &request);
        let status = published.as_ref().map_or_else(|status| http_status(status.code()), |_| 200);
        let at = written(state.clock.now());
        state.calls.push(Logged {
            at,
            method: "POST".to_owned(),
            url: format!("https://pubsub.googleapis.com/v1/{}:publish", request.topic),
            call: METHOD.to_owned(),
            caller: self.caller.clone(),
            status,
            ms: 0,
            body: logged(&request),
        });
        drop(state);
        // After the lock is released.
        self.handle.notify();
        std::future::ready(published.map(Response::new))
    }
}

fn accept(state: &mut State, caller: &str, request: &PublishRequest) -> Result<PublishResponse, Status> {
    let topic = &request.topic;
    let project = links::project(topic);
    let info = CallInfo { method: METHOD, resource: topic, project, bucket: None, now: state.clock.now() };
    if let Some(fault) = state.faults.matching(&info).first() {
        return Err(refusal(fault, topic));
    }
    if state.store.accepted(state.clock.now()).get(topic).is_none() {
        return Err(Status::not_found(format!("Resource not found (resource={}).", links::last(topic))));
    }
    if !state.may(caller, "pubsub.topics.publish", topic) {
        return Err(Status::permission_denied("User not authorized to perform this action."));
    }
    let publish_time = written(state.clock.now());
    let mut message_ids = Vec::with_capacity(request.messages.len());
    for message in &request.messages {
        let message = Published {
            topic: topic.clone(),
            message_id: state.next_message_id(),
            publish_time: publish_time.clone(),
            ordering_key: message.ordering_key.clone(),
            attributes: message.attributes.clone().into_iter().collect(),
            data: BASE64.encode(&message.data),
        };
        message_ids.push(delivery::post(state, message));
    }
    Ok(PublishResponse { message_ids })
}

/// A fault as a gRPC status. Faults of the connection become UNAVAILABLE.
fn refusal(fault: &Fault, topic: &str) -> Status {
    let message = fault.refusal(METHOD, topic).message;
    match (fault.kind, fault.status) {
        (FaultKind::Rate, _) | (_, Some(429)) => Status::resource_exhausted(message),
        (_, Some(403)) => Status::permission_denied(message),
        (_, Some(404)) => Status::not_found(message),
        (_, Some(500)) => Status::internal(message),
        _ => Status::unavailable(message),
    }
}

/// <https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto>
fn http_status(code: tonic::Code) -> u16 {
    match code {
        tonic::Code::NotFound => 404,
        tonic::Code::PermissionDenied => 403,
        tonic::Code::ResourceExhausted => 429,
        tonic::Code::Internal => 500,
        _ => 503,
    }
}

/// The request as JSON, for the log of calls.
fn logged(request: &PublishRequest) -> Value {
    let message = |message: &PubsubMessage| {
        json!({
            "data": BASE64.encode(&message.data),
            "attributes": message.attributes,
            "orderingKey": message.ordering_key,
        })
    };
    json!({"messages": request.messages.iter().map(message).collect::<Vec<_>>()})
}

/// The Protocol Buffers codec of the one method.
struct Prost;

impl Codec for Prost {
    type Encode = PublishResponse;
    type Decode = PublishRequest;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Prost {
    type Item = PublishResponse;
    type Error = Status;

    fn encode(&mut self, item: PublishResponse, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(to).map_err(|error| Status::internal(error.to_string()))
    }
}

impl Decoder for Prost {
    type Item = PublishRequest;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<PublishRequest>, Status> {
        PublishRequest::decode(from).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}
