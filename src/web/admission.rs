//! How many requests are worked on at once, and how long one waits.

use std::{pin::Pin, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::problem::Problem;

/// Less than the 600 s after which Cloud Run and Pub/Sub give up on a request.
const MAX_WAIT: Duration = Duration::from_secs(550);

/// The places of those who wait for runs: a quarter fewer than there are for requests, so that an event that asks for
/// nothing is answered at once however many wait.
pub struct RunSlots {
    places: Arc<Semaphore>,
    all: u32,
}

impl RunSlots {
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

/// What it takes to put an answer together when time is up.
const ANSWER: Duration = Duration::from_secs(10);

/// How many requests are worked on, and until when.
pub struct Admission {
    permits: Arc<Semaphore>,
    stop: CancellationToken,
}

/// A place among the requests that are worked on, for as long as this lives.
pub struct Permit {
    _place: OwnedSemaphorePermit,
    /// Who can tell what is done and what is not has to do so now: [`Admission::wait`] gives up a moment later.
    pub until: Instant,
}

impl Admission {
    pub fn new(max_concurrent: usize, stop: CancellationToken) -> Self {
        Self { permits: Arc::new(Semaphore::new(max_concurrent)), stop }
    }

    /// # Errors
    /// 429: all places are taken, or this instance ends.
    pub fn admit(&self) -> Result<Permit, Problem> {
        if self.stop.is_cancelled() {
            return Err(stopping());
        }
        match self.permits.clone().try_acquire_owned() {
            Ok(place) => Ok(Permit { _place: place, until: Instant::now() + MAX_WAIT - ANSWER }),
            Err(_) => Err(Problem::again("as many requests as this instance takes are being worked on")),
        }
    }

    /// What a request asks for. What it started goes on though the request is answered here. Thousands may wait: the future
    /// has a place of its own, because whoever awaits it keeps room for it until its own end.
    pub fn wait<T: Send>(
        &self,
        held: &Permit,
        work: impl Future<Output = Result<T, Problem>> + Send,
    ) -> Pin<Box<impl Future<Output = Result<T, Problem>> + Send>> {
        let late = || Problem::again(format!("not done within {} s; the work goes on", MAX_WAIT.as_secs()));
        Box::pin(self.within(held.until + ANSWER, late, work).map(Result::flatten))
    }

    /// Until `deadline`, or until this instance ends.
    pub async fn within<T>(
        &self,
        deadline: Instant,
        late: impl FnOnce() -> Problem,
        work: impl Future<Output = T>,
    ) -> Result<T, Problem> {
        tokio::select! {
            // What is there at once needs neither the clock nor the signal.
            biased;
            done = timeout_at(deadline, work) => done.map_err(|_| late()),
            () = self.stop.cancelled() => Err(stopping()),
        }
    }
}

fn stopping() -> Problem {
    Problem::again("this instance is stopping")
}
