//! Who may come in.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::token::{self, Expected};
use crate::app::App;

/// How callers prove who they are.
#[derive(Debug, Clone)]
pub enum Auth {
    /// They need not: for loopback and the simulated cloud.
    Off,
    /// Cloud Run's IAM check stands before us and has verified the token's signature; what it says is checked here.
    Platform {
        /// The `aud` that deliveries are configured with.
        audience: String,
        /// E-mail addresses that may deliver events.
        callers: Vec<String>,
        /// E-mail addresses that may sweep and read the state; empty = the callers.
        admins: Vec<String>,
    },
}

/// What a door is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Caller,
    Admin,
}

/// The guard of some doors.
pub struct Gate {
    app: Arc<App>,
    auth: Auth,
    role: Role,
}

impl Gate {
    pub fn new(app: Arc<App>, auth: Auth, role: Role) -> Self {
        Self { app, auth, role }
    }
}

/// Lets through who may pass; others get 401 or 403.
pub async fn check(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let verdict = match &gate.auth {
        Auth::Off => Ok(()),
        Auth::Platform { audience, callers, admins } => {
            let emails = if gate.role == Role::Admin && !admins.is_empty() { admins } else { callers };
            token::check(request.headers(), &Expected { audience, emails }, (gate.app.engine.now)())
        }
    };
    match verdict {
        Ok(()) => next.run(request).await,
        Err(problem) => {
            tracing::warn!(status = problem.status.as_u16(), "a caller was refused: {}", problem.message);
            problem.into_response()
        }
    }
}
