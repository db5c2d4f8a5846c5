//! How many requests are worked on at once, and how long one waits.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::problem::Problem;

/// Less than the 600 s after which Cloud Run and Pub/Sub give up on a request.
pub const LONGEST: Duration = Duration::from_secs(550);

#[derive(Clone)]
pub struct Patience {
    pub permits: Arc<Semaphore>,
    pub stop: CancellationToken,
}

/// A place among the requests that are worked on. An answer that is streamed keeps it to its end.
pub type Held = Arc<OwnedSemaphorePermit>;

/// What a request started goes on though the request is answered here.
pub async fn wait(State(patience): State<Patience>, mut request: Request, next: Next) -> Response {
    let Ok(permit) = patience.permits.try_acquire_owned() else {
        return Problem::again("as many requests as this instance takes are being worked on").into_response();
    };
    let held: Held = Arc::new(permit);
    request.extensions_mut().insert(held.clone());
    tokio::select! {
        biased;
        () = patience.stop.cancelled() => Problem::again("this instance is stopping").into_response(),
        answer = timeout(LONGEST, next.run(request)) => answer.unwrap_or_else(|_| {
            let seconds = LONGEST.as_secs();
            Problem::again(format!("not done within {seconds} s; the work goes on")).into_response()
        }),
    }
}
