//! The world over HTTP: Google's APIs, the publisher, and `/sim/…`, by which tests inspect and change the world.

use std::time::Duration;

use axum::{
    Json, Router,
    body::{Body, to_bytes},
    extract::State as Extract,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use futures_util::stream;
use http::{Method, Request, StatusCode};
use hyper::server::conn::http1;
use hyper_util::service::TowerToHyperService;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    cloud::{Cloud, Reply},
    faults::Fault,
    http::calls::Logged,
    services::pubsub::publisher,
    state::messages::Published,
};

/// Answers behind HTTP's CONNECT, which some of gcloud's commands open before each call to a proxy. Whatever host is asked
/// for, what answers is this world. <https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6>
async fn tunnel(cloud: Cloud, request: Request<Body>) {
    // A client that goes away has no tunnel, and needs none.
    if let Ok(upgraded) = hyper::upgrade::on(request).await {
        let service = TowerToHyperService::new(cloud.router());
        let _ = http1::Builder::new().serve_connection(upgraded, service).await;
    }
}

/// Limit of a request body in bytes.
const MAX_BODY: usize = 10 << 20;

impl Cloud {
    /// The same world over HTTP/1.1 and HTTP/2 on one port: the APIs, the Pub/Sub publisher and `/sim/…`.
    pub fn router(&self) -> Router {
        let control = Router::new()
            .route("/sim/world", get(world))
            .route("/sim/calls", get(calls).delete(forget_calls))
            .route("/sim/faults", post(inject).delete(clear))
            .route("/sim/quotas", get(quotas))
            .route("/sim/advance", post(advance))
            .route("/sim/published", get(published))
            .fallback(api)
            .with_state(self.clone());
        control.merge(publisher::router(self.handle().clone()))
    }
}

async fn world(Extract(cloud): Extract<Cloud>) -> Json<Value> {
    Json(cloud.world().written())
}

async fn calls(Extract(cloud): Extract<Cloud>) -> Json<Vec<Logged>> {
    Json(cloud.calls())
}

async fn forget_calls(Extract(cloud): Extract<Cloud>) -> StatusCode {
    cloud.handle().state().calls.clear();
    StatusCode::NO_CONTENT
}

async fn inject(Extract(cloud): Extract<Cloud>, body: Bytes) -> Response {
    match serde_json::from_slice::<Fault>(&body) {
        Ok(fault) => (StatusCode::CREATED, Json(json!({"id": cloud.inject(fault)}))).into_response(),
        Err(error) => bad_request(&error),
    }
}

/// A body is JSON whatever its content type: `curl -d` sends that of a form.
fn bad_request(error: &serde_json::Error) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": error.to_string()}))).into_response()
}

async fn clear(Extract(cloud): Extract<Cloud>) -> StatusCode {
    cloud.clear_faults();
    StatusCode::NO_CONTENT
}

async fn quotas(Extract(cloud): Extract<Cloud>) -> Json<Value> {
    Json(json!({"refused": cloud.quota_refusals()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: u64,
}

async fn advance(Extract(cloud): Extract<Cloud>, body: Bytes) -> Response {
    match serde_json::from_slice::<Advance>(&body) {
        Ok(by) => {
            cloud.advance(Duration::from_secs(by.seconds));
            Json(json!({"now": cloud.now()})).into_response()
        }
        Err(error) => bad_request(&error),
    }
}

async fn published(Extract(cloud): Extract<Cloud>) -> Json<Vec<Published>> {
    Json(cloud.published())
}

/// Everything else is one of Google's APIs.
async fn api(Extract(cloud): Extract<Cloud>, request: Request<Body>) -> Response {
    if request.method() == Method::CONNECT {
        tokio::spawn(tunnel(cloud, request));
        return StatusCode::OK.into_response();
    }
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    match cloud.send_http(Request::from_parts(head, body)).await {
        Reply::Answered(response) => response.map(Body::from),
        // A body that fails makes the server reset the connection.
        Reply::Broken => {
            let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
            Response::new(Body::from_stream(stream::iter([Err::<Bytes, _>(broken)])))
        }
    }
}
