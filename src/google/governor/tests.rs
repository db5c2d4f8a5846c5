use std::{future::Future, sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio::{
    task::JoinHandle,
    time::{Instant, advance, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{EVENT_PATIENCE, Governor, Held, Key, MANY, Pace, Priority};
use crate::google::{method::Api, quotas::Quota};

/// 60 calls a minute: 15 at once, of which sweeps leave 7, and one each 70/45 s.
fn logging() -> Key {
    Key { quota: Quota::of(Api::Logging, "logging.entries.list", false), project: None, region: None }
}

/// No document has a figure.
fn connectors(project: &str) -> Key {
    let quota = Quota::of(Api::VpcAccess, "vpcaccess.projects.locations.connectors.list", true);
    Key { quota, project: Some(project.to_owned()), region: None }
}

const REFILL: Duration = Duration::from_millis(70_000 / 45);

fn sweep() -> Priority {
    Priority::Sweep(CancellationToken::new())
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A governor, and calls that take their turns beside each other.
#[derive(Clone, Default)]
struct Stage(Arc<Governor>);

impl Stage {
    async fn turn(&self, key: &Key, priority: &Priority) -> Duration {
        self.0.turn(key, priority).await.unwrap()
    }

    /// A call that waits by itself; when it was sent.
    fn wait(&self, key: Key, priority: Priority) -> JoinHandle<Result<Instant, Held>> {
        let this = self.clone();
        tokio::spawn(async move { this.0.turn(&key, &priority).await.map(|_| Instant::now()) })
    }

    /// So many calls at once; none of them waits.
    async fn spend(&self, key: &Key, calls: usize, priority: &Priority) {
        for call in 0..calls {
            assert_eq!(self.turn(key, priority).await, Duration::ZERO, "call {call}");
        }
    }
}

/// Lets those who were spawned take their seats.
async fn seated() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

fn about(found: Duration, expected: Duration) -> bool {
    found.abs_diff(expected) <= Duration::from_millis(5)
}

async fn timed<T>(work: impl Future<Output = T>) -> (Duration, T) {
    let begun = Instant::now();
    let done = work.await;
    (begun.elapsed(), done)
}

#[tokio::test(start_paused = true)]
async fn no_call_waits_below_the_quota() {
    let stage = Stage::default();
    let (took, ()) = timed(stage.spend(&logging(), 15, &Priority::Event)).await;
    assert_eq!(took, Duration::ZERO);
    assert!(stage.turn(&logging(), &Priority::Event).await > Duration::ZERO);
    // Other keys have buckets of their own; where no limit is known, nothing is counted or kept.
    for project in ["p", "q"] {
        stage.spend(&connectors(project), 10_000, &sweep()).await;
    }
    assert_eq!(stage.0.lock().all.len(), 1);
}

/// Whoever calls, and whenever Google's minute begins.
#[tokio::test(start_paused = true)]
async fn no_minute_has_more_calls_than_the_quota() {
    let stage = Stage::default();
    let begun = Instant::now();
    let callers = (0..8).map(|caller| {
        let stage = stage.clone();
        async move {
            let priority = if caller % 2 == 0 { Priority::Event } else { sweep() };
            let mut sent = Vec::new();
            while begun.elapsed() < seconds(600) {
                stage.turn(&logging(), &priority).await;
                sent.push(begun.elapsed());
                // A pause lets the bucket fill: what follows comes all at once.
                if sent.len() % 50 == 0 {
                    sleep(seconds(45)).await;
                }
            }
            sent
        }
    });
    let mut sent: Vec<Duration> = join_all(callers).await.into_iter().flatten().collect();
    sent.sort();
    for (index, from) in sent.iter().enumerate() {
        let within = sent[index..].iter().take_while(|at| **at < *from + seconds(60)).count();
        assert!(within <= 60, "{within} calls from {from:?} on");
    }
    assert!(sent.len() >= 10 * 36, "{} calls in ten minutes", sent.len());
}

#[test]
fn a_pace_keeps_within_every_quota() {
    for quota in [1, 2, 3, 10, 60, 180, 240, 1_500, 3_000, u32::MAX] {
        let Pace { burst, per_second, reserve } = Pace::within(quota);
        assert!(burst >= 1.0 && reserve < burst && per_second > 0.0, "{quota}");
        // Where the quota is one call, the second comes a minute later.
        assert!(burst + 60.0 * per_second <= f64::from(quota.max(2)), "{quota}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sweep_leaves_room_for_an_event() {
    let stage = Stage::default();
    stage.spend(&logging(), 8, &sweep()).await;
    let waiting = stage.wait(logging(), sweep());
    seated().await;
    // What is kept back, and then one call each time that one more is allowed.
    stage.spend(&logging(), 7, &Priority::Event).await;
    for _ in 0..5 {
        let (took, _) = timed(stage.turn(&logging(), &Priority::Event)).await;
        assert!(about(took, REFILL), "{took:?}");
    }
    assert!(!waiting.is_finished());
    // The sweep goes on when the room for events is there again.
    let (took, sent) = timed(waiting).await;
    sent.unwrap().unwrap();
    assert!(about(took, REFILL * 8), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn events_go_before_sweeps_and_else_who_came_first() {
    let stage = Stage::default();
    stage.spend(&logging(), 15, &Priority::Event).await;
    let hurry = CancellationToken::new();
    let mut calls = Vec::new();
    for (name, priority) in [
        ("sweep 1", sweep()),
        ("sweep 2", Priority::Sweep(hurry.clone())),
        ("event 1", Priority::Event),
        ("event 2", Priority::Event),
    ] {
        calls.push((name, stage.wait(logging(), priority)));
        seated().await;
    }
    // An event waits for this sweep: it goes before the others, and before events that come later.
    hurry.cancel();
    seated().await;
    calls.push(("event 3", stage.wait(logging(), Priority::Event)));
    let mut order = Vec::new();
    for (name, call) in calls {
        order.push((call.await.unwrap().unwrap(), name));
    }
    order.sort();
    let order: Vec<&str> = order.into_iter().map(|(_, name)| name).collect();
    assert_eq!(order, ["sweep 2", "event 1", "event 2", "event 3", "sweep 1"]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_no_more_stands_in_nobodys_way() {
    let stage = Stage::default();
    stage.spend(&logging(), 15, &Priority::Event).await;
    let first = stage.wait(logging(), Priority::Event);
    seated().await;
    let second = stage.wait(logging(), Priority::Event);
    seated().await;
    advance(seconds(1)).await;
    first.abort();
    let (took, sent) = timed(second).await;
    sent.unwrap().unwrap();
    assert!(about(took, REFILL - seconds(1)), "{took:?}");
    // Neither a seat nor a call is lost.
    assert!(stage.0.lock().all[&logging()].line.is_empty());
    let (took, _) = timed(stage.turn(&logging(), &Priority::Event)).await;
    assert!(about(took, REFILL), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_holds_every_call_of_its_bucket() {
    let stage = Stage::default();
    for key in [connectors("p"), logging()] {
        let sent = Instant::now();
        let refuse = |wait| stage.0.hold(&key, sent, wait, None);
        refuse(Some(seconds(12)));
        // Others of the same moment tell nothing new, unless Google asks for more.
        refuse(None);
        refuse(Some(seconds(3)));
        refuse(Some(seconds(20)));
        let waiting = [Priority::Event, sweep(), Priority::Event].map(|priority| stage.wait(key.clone(), priority));
        assert_eq!(stage.turn(&connectors("other"), &Priority::Event).await, Duration::ZERO);
        let begun = Instant::now();
        for call in waiting {
            let took = call.await.unwrap().unwrap() - begun;
            assert!(took >= seconds(20), "{took:?}");
            // Where a pace is known, what follows comes at that pace.
            assert!(key.quota.per_minute.is_some() || about(took, seconds(20)), "{took:?}");
        }
    }
}

/// Without a word how long, the next hold is twice as long.
#[tokio::test(start_paused = true)]
async fn holds_grow_until_google_gives_in() {
    let (stage, key) = (Stage::default(), connectors("p"));
    for hold in [1, 2, 4, 8, 16, 32, 60, 60] {
        stage.0.hold(&key, Instant::now(), None, None);
        let (took, _) = timed(stage.turn(&key, &Priority::Event)).await;
        assert!(about(took, seconds(hold)), "{took:?}");
    }
    sleep(seconds(61)).await;
    stage.0.hold(&key, Instant::now(), None, None);
    let (took, _) = timed(stage.turn(&key, &Priority::Event)).await;
    assert!(about(took, seconds(1)), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_longer_than_patience_lasts() {
    let (stage, key) = (Stage::default(), connectors("p"));
    let waiting = stage.wait(key.clone(), Priority::Event);
    waiting.await.unwrap().unwrap();
    stage.0.hold(&key, Instant::now(), Some(seconds(5)), None);
    let waiting = stage.wait(key.clone(), Priority::Event);
    seated().await;
    stage.0.hold(&key, Instant::now(), Some(EVENT_PATIENCE + seconds(30)), None);
    assert!(!stage.0.may_wait(&key, &Priority::Event) && stage.0.may_wait(&key, &sweep()));
    // Who waits already learns of it when it would have gone; who comes now, at once.
    let (took, held) = timed(waiting).await;
    assert!(about(took, seconds(5)) && held.unwrap().is_err(), "{took:?}");
    let (took, held) = timed(stage.0.turn(&key, &Priority::Event)).await;
    assert_eq!((took, held), (Duration::ZERO, Err(Held { left: EVENT_PATIENCE + seconds(25) })));
    let (took, _) = timed(stage.turn(&key, &sweep())).await;
    assert!(about(took, EVENT_PATIENCE + seconds(25)), "{took:?}");
    // However absurd, it ends.
    stage.0.hold(&key, Instant::now(), Some(Duration::MAX), None);
    assert!(stage.0.turn(&key, &sweep()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_limit_that_google_names_is_kept_to() {
    let (stage, key) = (Stage::default(), connectors("p"));
    stage.0.hold(&key, Instant::now(), Some(seconds(10)), Some(60));
    stage.turn(&key, &Priority::Event).await;
    // As with any quota of 60: one call each time that one more is allowed.
    for _ in 0..5 {
        let (took, _) = timed(stage.turn(&key, &Priority::Event)).await;
        assert!(about(took, REFILL), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn buckets_of_no_interest_are_dropped() {
    let stage = Stage::default();
    let list = Quota::of(Api::Run, "run.projects.locations.jobs.list", true);
    let key = |n: usize| Key { quota: list, project: Some(format!("p{n}")), region: None };
    stage.0.hold(&connectors("held"), Instant::now(), Some(seconds(50)), None);
    stage.0.hold(&connectors("learnt"), Instant::now(), None, Some(60));
    for n in 0..20 * MANY {
        stage.turn(&key(n), &Priority::Event).await;
        advance(Duration::from_millis(1)).await;
    }
    let buckets = stage.0.lock();
    assert!(buckets.all.len() <= 2 * MANY, "{}", buckets.all.len());
    assert!(buckets.all.contains_key(&connectors("held")) && buckets.all.contains_key(&connectors("learnt")));
}
