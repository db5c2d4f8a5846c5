//! A request's body: whole, not too large, and in time.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use tokio::time::timeout;

use super::problem::Problem;

/// Who delivers has the whole body before he connects.
const LONGEST: Duration = Duration::from_secs(30);

/// Of at most the size that the router sets.
pub struct Whole(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Whole {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match timeout(LONGEST, Bytes::from_request(request, state)).await {
            Ok(body) => Ok(Self(body?)),
            Err(_) => Err(Problem::again(format!("the body did not come within {} s", LONGEST.as_secs()))),
        }
    }
}
