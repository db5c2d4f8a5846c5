//! The HTTP doors.
//!
//! ```text
//! request ─▶ span ─▶ token ─▶ patience ─▶ events   POST / and /events: decode ─▶ dispose ─▶ submit ─▶ the worst answer
//!                                       ├ sweep    POST /sweep
//!                                       └ state    GET /state
//!                 └▶ health    GET /livez, /readyz, /metrics: no token, never shed
//! ```
//!
//! [`delivery`] knows the forms in which entries come, [`token`] and
//! [`auth`] what a caller must prove, [`server`] how to stop.

mod ask;
pub mod auth;
mod body;
pub mod connections;
pub mod delivery;
mod events;
mod health;
mod keys;
pub mod logs;
mod patience;
mod problem;
mod rejections;
pub mod server;
mod state;
mod sweep;
pub mod token;
mod trace;
mod verifier;

use std::{any::Any, sync::Arc};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{Method, StatusCode, Uri};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;

pub use self::auth::{Allowed, Auth};
use self::{
    auth::{Guard, Role},
    patience::{Patience, Waiting},
    problem::Problem,
    rejections::Rejections,
};
use crate::app::App;

/// Four times what the largest audit entry takes.
const LARGEST_BODY: usize = 1 << 20;

/// Who may come in, and how many at once.
#[derive(Debug, Clone)]
pub struct Door {
    pub auth: Auth,
    /// Requests worked on at once, of which three quarters may wait for runs; who comes beyond them is asked to come
    /// again.
    pub max_concurrent: usize,
}

/// What the doors share.
struct Front {
    app: Arc<App>,
    rejections: Rejections,
    waiting: Waiting,
}

/// Every door, for a server or for a test.
pub fn router(app: Arc<App>, door: Door) -> Router {
    let guard = Guard::new(app.clone(), door.auth);
    let gate = |role| from_fn_with_state(guard.at(role), auth::check);
    let max_concurrent = door.max_concurrent.min(Semaphore::MAX_PERMITS);
    let permits = Arc::new(Semaphore::new(max_concurrent));
    let patience = Arc::new(Patience { permits, stop: app.engine.stop.clone() });
    let patience = || from_fn_with_state(patience.clone(), patience::wait);
    let deliveries = Router::new()
        .route("/", post(events::receive))
        .route("/events", post(events::receive))
        .route_layer(patience())
        .route_layer(gate(Role::Caller));
    let administration = Router::new()
        .route("/sweep", post(sweep::run))
        .route("/state", get(state::show))
        .route_layer(patience())
        .route_layer(gate(Role::Admin));
    let health = Router::new()
        .route("/livez", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics));
    deliveries
        .merge(administration)
        .merge(health)
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(trace::span))
        .with_state(Arc::new(Front { app, rejections: Rejections::default(), waiting: Waiting::among(max_concurrent) }))
}

async fn no_such_path(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("{:?}: no such path", uri.path()))
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("{method} {:?}: the path takes another method", uri.path()))
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = said.unwrap_or("not a text"), "a request died");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "an error of ours; the log tells more").into_response()
}

#[cfg(test)]
mod tests;
