//! What a handler asks for as its argument: that the caller may do this, and that there is a place for one more.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::{HeaderMap, request::Parts};

use super::{Front, auth::Role, patience::Held, problem::Problem};

/// Of one who may deliver events.
pub struct Caller(pub Held);

/// Of one who may sweep, and see the state.
pub struct Admin(pub Held);

impl FromRequestParts<Arc<Front>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, front: &Arc<Front>) -> Result<Self, Problem> {
        front.admit(Role::Caller, &parts.headers).await.map(Self)
    }
}

impl FromRequestParts<Arc<Front>> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, front: &Arc<Front>) -> Result<Self, Problem> {
        front.admit(Role::Admin, &parts.headers).await.map(Self)
    }
}

impl Front {
    /// 401 and 403 for those who may not, 429 for one too many.
    async fn admit(&self, role: Role, headers: &HeaderMap) -> Result<Held, Problem> {
        self.guard.check(role, headers).await.inspect_err(|problem| {
            tracing::warn!(status = problem.status.as_u16(), "a caller was refused: {}", problem.message);
        })?;
        self.patience.admit()
    }
}
