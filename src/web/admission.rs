//! What a handler asks for as its argument: that the caller may do this, and that there is a place for one more.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use tracing::Span;

use super::{AppState, auth::Role, patience::Held, problem::Problem, trace::Asked};

/// Of one who may deliver events.
pub struct Caller(pub Held);

/// Of one who may sweep, and see the state; with the span of the request.
pub struct Admin(pub Held, pub Span);

impl FromRequestParts<Arc<AppState>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, front: &Arc<AppState>) -> Result<Self, Problem> {
        front.admit(Role::Caller, parts).await.map(Self)
    }
}

impl FromRequestParts<Arc<AppState>> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, front: &Arc<AppState>) -> Result<Self, Problem> {
        Ok(Self(front.admit(Role::Admin, parts).await?, Asked::of(parts).span()))
    }
}

impl AppState {
    /// 401 and 403 for those who may not, 429 for one too many.
    async fn admit(&self, role: Role, head: &Parts) -> Result<Held, Problem> {
        self.guard.check(role, &head.headers).await.inspect_err(|problem| {
            let status = problem.status.as_u16();
            Asked::of(head).span().in_scope(|| tracing::warn!(status, "a caller was refused: {}", problem.message));
        })?;
        self.patience.admit()
    }
}
