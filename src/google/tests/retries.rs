use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::{Answer, Stage, answer, response, stage, with_header};
use crate::google::{client::Client, error::CallError, transport::Sent};

#[derive(Debug, Clone, Copy)]
enum Ask {
    Read,
    /// A write with a `requestId`.
    Identified,
    /// A write without.
    Bare,
}

impl Ask {
    async fn of(self, client: &Client) -> Result<(), CallError> {
        match self {
            Self::Read => client.list_firewalls::<Value>("p").await.map(drop),
            Self::Identified => client.insert_firewall("p", &json!({}), Uuid::nil()).await,
            Self::Bare => client.create_connector("p", "r", "c", &json!({})).await.map(drop),
        }
    }
}

fn refused(status: u16, reason: &str) -> Answer {
    answer(status, json!({"error": {"message": "no", "errors": [{"reason": reason}]}}))
}

fn well() -> Answer {
    answer(200, json!({"name": "o", "status": "DONE", "done": true}))
}

#[tokio::test(start_paused = true)]
async fn a_call_is_repeated_where_that_is_safe() {
    type Failure = fn() -> Answer;
    let anything: [(&str, Failure); 6] = [
        ("not sent", || Answer::Fails(Sent::No)),
        ("403 rate", || refused(403, "rateLimitExceeded")),
        ("429", || refused(429, "")),
        ("400 not ready", || refused(400, "resourceNotReady")),
        ("409 in progress", || refused(409, "operationInProgress")),
        ("403 concurrency", || refused(403, "CONCURRENT_OPERATIONS_QUOTA_EXCEEDED")),
    ];
    let identified: [(&str, Failure); 5] = [
        ("503", || refused(503, "backendError")),
        ("500 without a reason", || answer(500, json!({}))),
        ("no answer", || Answer::Fails(Sent::Maybe)),
        ("silence", || Answer::Never),
        ("half an answer", || Answer::Comes(response(200, r#"{"name": "#))),
    ];
    // As the answer to a write these say that another was first.
    let reading: [(&str, Failure); 2] =
        [("409 exists", || refused(409, "alreadyExists")), ("412", || refused(412, "conditionNotMet"))];
    let nothing: [(&str, Failure); 5] = [
        ("400", || refused(400, "invalid")),
        ("403 permission", || refused(403, "forbidden")),
        ("403 quota", || refused(403, "quotaExceeded")),
        ("404", || refused(404, "notFound")),
        ("nonsense", || Answer::Comes(response(200, "nonsense"))),
    ];
    for (failures, repeated) in [
        (&anything[..], [Ask::Read, Ask::Identified, Ask::Bare].as_slice()),
        (&identified[..], &[Ask::Read, Ask::Identified]),
        (&reading[..], &[Ask::Read]),
        (&nothing[..], &[]),
    ] {
        for (name, failure) in failures {
            for ask in [Ask::Read, Ask::Identified, Ask::Bare] {
                let stage = stage([failure(), failure(), well()]);
                let result = ask.of(&stage.client).await;
                let repeats = repeated.iter().any(|one| *one as u8 == ask as u8);
                assert_eq!(result.is_ok(), repeats, "{name}, {ask:?}: {result:?}");
                assert_eq!(stage.attempts(), if repeats { 3 } else { 1 }, "{name}, {ask:?}");
            }
        }
    }
}

/// How long a read takes that always meets the same answer.
async fn in_vain(answer: Answer) -> (Stage, CallError, Duration) {
    let stage = stage([answer]);
    let begun = Instant::now();
    let error = Ask::Read.of(&stage.client).await.unwrap_err();
    (stage, error, begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn repeating_has_an_end() {
    let (stage, error, took) = in_vain(refused(503, "backendError")).await;
    assert!(error.is_transient());
    assert!((4..=9).contains(&stage.attempts()) && took <= Duration::from_secs(30), "{took:?}");
    assert_eq!(stage.log.counts()["compute.firewalls.list"] as usize, stage.attempts());

    let (stage, error, took) = in_vain(Answer::Never).await;
    assert!(error.is_transient());
    assert!((3..=4).contains(&stage.attempts()), "{}", stage.attempts());
    assert!(took <= Duration::from_secs(31), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_waits_the_same() {
    let (_, _, first) = in_vain(refused(503, "")).await;
    let (_, _, second) = in_vain(refused(503, "")).await;
    assert_eq!(first, second);
}

#[tokio::test(start_paused = true)]
async fn google_decides_how_long_to_wait() {
    let wait = |seconds| with_header(response(429, "{}"), "retry-after", seconds);
    for (ask, most) in [(Ask::Read, "12"), (Ask::Bare, "9")] {
        let stage = stage([Answer::Comes(wait(most)), well()]);
        let begun = Instant::now();
        ask.of(&stage.client).await.unwrap();
        assert_eq!(begun.elapsed().as_secs().to_string(), most);
    }
    // A write rests on a look that ages, and a deletion on one that must be of this moment.
    let late = stage([Answer::Comes(wait("11")), well()]);
    assert!(Ask::Bare.of(&late.client).await.unwrap_err().is_transient());
    assert_eq!(late.attempts(), 1);
    let deletion = stage([Answer::Comes(wait("2")), well()]);
    assert!(deletion.client.delete_connector("p", "r", "c").await.unwrap_err().is_transient());
    assert_eq!(deletion.attempts(), 1);

    // Longer than our patience: no use in waiting at all.
    let (stage, error, took) = in_vain(Answer::Comes(wait("120"))).await;
    assert_eq!((stage.attempts(), took), (1, Duration::ZERO));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(120)));
}
