//! How many requests are worked on at once, and how long one waits.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::problem::Problem;

/// Less than the 600 s after which Cloud Run and Pub/Sub give up on a request.
const LONGEST: Duration = Duration::from_secs(550);

/// The places of those who wait for runs: a quarter fewer than there are for requests, so that an event that asks for
/// nothing is answered at once however many wait.
pub struct Waiting {
    places: Arc<Semaphore>,
    all: u32,
}

impl Waiting {
    pub fn among(max_concurrent: usize) -> Self {
        let all = u32::try_from(max_concurrent - max_concurrent / 4).unwrap_or(u32::MAX);
        Self { places: Arc::new(Semaphore::new(all as usize)), all }
    }

    /// A place for each event, kept until this is dropped. A delivery of more than there are places takes all of them.
    pub fn take(&self, events: usize) -> Option<OwnedSemaphorePermit> {
        let events = u32::try_from(events).unwrap_or(u32::MAX).min(self.all);
        self.places.clone().try_acquire_many_owned(events).ok()
    }
}

pub struct Patience {
    pub permits: Arc<Semaphore>,
    pub stop: CancellationToken,
}

/// What it takes to put an answer together when time is up.
const ANSWER: Duration = Duration::from_secs(10);

/// A place among the requests that are worked on. An answer that is streamed keeps it to its end.
#[derive(Clone)]
pub struct Held {
    _place: Arc<OwnedSemaphorePermit>,
    /// Who can tell what is done and what is not has to do so now: a moment later nobody waits for it any more.
    pub until: Instant,
}

/// What a request started goes on though the request is answered here.
pub async fn wait(State(patience): State<Arc<Patience>>, mut request: Request, next: Next) -> Response {
    if patience.stop.is_cancelled() {
        return stopping();
    }
    let Ok(permit) = patience.permits.clone().try_acquire_owned() else {
        return Problem::again("as many requests as this instance takes are being worked on").into_response();
    };
    let held = Held { _place: Arc::new(permit), until: Instant::now() + LONGEST - ANSWER };
    // Kept here as well: a request is taken apart before what it asks for is done.
    request.extensions_mut().insert(held.clone());
    tokio::select! {
        // Most are answered at once, and need neither the clock nor the signal.
        biased;
        answer = timeout(LONGEST, next.run(request)) => answer.unwrap_or_else(|_| {
            let seconds = LONGEST.as_secs();
            Problem::again(format!("not done within {seconds} s; the work goes on")).into_response()
        }),
        () = patience.stop.cancelled() => stopping(),
    }
}

fn stopping() -> Response {
    Problem::again("this instance is stopping").into_response()
}
