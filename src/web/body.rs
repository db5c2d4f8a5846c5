//! A request's body: whole, not too large, and in time.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::Instant;

use super::{admission::Admission, problem::Problem};

/// Four times what the largest audit entry takes.
pub const LARGEST: usize = 1 << 20;
/// Who delivers has the whole body before he connects.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// 413 for what is larger than [`LARGEST`], 400 for what breaks off, 429 for what takes too long.
pub async fn read(admission: &Admission, body: Body) -> Result<Bytes, Problem> {
    let late = || Problem::again(format!("the body did not come within {} s", MAX_WAIT.as_secs()));
    let body = Limited::new(body, LARGEST).collect();
    match admission.within(Instant::now() + MAX_WAIT, late, body).await? {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body has more than {LARGEST} bytes")))
        }
        Err(_) => Err(Problem::bad("the request body is incomplete")),
    }
}
