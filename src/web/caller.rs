//! What a door asks for first: that the caller may do this, and that there is a place for one more.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use tracing::Span;

use super::{AppState, admission::Permit, auth::CallerRole, problem::Problem, trace::RequestTrace};

/// Of one who may sweep, and see the state; with the span of the request.
pub struct Admin(pub Permit, pub Span);

impl FromRequestParts<Arc<AppState>> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<AppState>) -> Result<Self, Problem> {
        Ok(Self(state.admit(CallerRole::Admin, parts).await?, RequestTrace::of(parts).span()))
    }
}

impl AppState {
    /// 401 and 403 for those who may not, 429 for one too many, and for all while there is no policy.
    pub(super) async fn admit(&self, role: CallerRole, head: &Parts) -> Result<Permit, Problem> {
        self.guard.check(role, &head.headers).await.inspect_err(|problem| {
            let status = problem.status.as_u16();
            RequestTrace::of(head)
                .span()
                .in_scope(|| tracing::warn!(status, "a caller was refused: {}", problem.message));
        })?;
        match self.app.lacks_policy() {
            Some(why) => Err(Problem::again(why)),
            None => self.admission.admit(),
        }
    }
}
