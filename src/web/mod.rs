//! The HTTP doors.
//!
//! ```text
//! request ─▶ caller ─▶ events   POST / and /events: decode ─▶ dispose ─▶ submit ─▶ the worst answer
//!         │            ├▶ sweep    POST /sweep
//!         │            └▶ state    GET /state
//!         └▶ health    GET /livez, /readyz, /metrics: no token, never shed
//! ```
//!
//! [`delivery`] knows the forms in which entries come, [`token`] and [`auth`] what a caller must prove, `admission` how
//! many are let in and how long they wait, [`server`] how to stop.

mod admission;
mod ask;
pub mod auth;
mod body;
mod caller;
pub mod connections;
pub mod delivery;
mod events;
mod health;
mod keys;
pub mod logs;
mod problem;
mod rejections;
pub mod server;
mod state;
mod sweep;
pub mod token;
mod trace;
mod verifier;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post, post_service},
};
use http::{Method, StatusCode, Uri};
use tokio::sync::Semaphore;
use tower::service_fn;

pub use self::auth::{Allowed, Auth};
use self::{
    admission::{Admission, RunSlots},
    auth::Guard,
    problem::Problem,
    rejections::Rejections,
};
use crate::app::App;

/// Who may come in, and how many at once.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    pub auth: Auth,
    /// Requests worked on at once, of which three quarters may wait for runs; who comes beyond them is asked to come
    /// again.
    pub max_concurrent: usize,
}

/// What the doors share.
struct AppState {
    app: Arc<App>,
    guard: Guard,
    admission: Admission,
    run_slots: RunSlots,
    rejections: Rejections,
}

/// Every door, for a server or for a test.
pub fn router(app: Arc<App>, door: ServerConfig) -> Router {
    let max_concurrent = door.max_concurrent.min(Semaphore::MAX_PERMITS);
    let state = Arc::new(AppState {
        guard: Guard::new(app.clone(), door.auth),
        admission: Admission::new(max_concurrent, app.engine.stop.clone()),
        run_slots: RunSlots::among(max_concurrent),
        rejections: Rejections::default(),
        app,
    });
    let events = {
        let state = state.clone();
        post_service(service_fn(move |request| events::receive(state.clone(), request)))
    };
    Router::new()
        .route("/", events.clone())
        .route("/events", events)
        .route("/sweep", post(sweep::run))
        .route("/state", get(state::show))
        .route("/livez", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .with_state(state)
}

async fn no_such_path(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("{:?}: no such path", uri.path()))
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("{method} {:?}: the path takes another method", uri.path()))
}

#[cfg(test)]
mod tests;
