use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::{Answer, Stage, answer, stage};
use crate::google::{error::CallError, error_kind::ErrorKind, transport::Sent};

fn running() -> Answer {
    answer(200, json!({"name": "operation-1", "status": "RUNNING"}))
}

fn done() -> Answer {
    answer(200, json!({"name": "operation-1", "status": "DONE"}))
}

fn failed(code: &str, status: u16, message: &str) -> Answer {
    answer(
        200,
        json!({"name": "operation-1", "status": "DONE", "httpErrorStatusCode": status, "httpErrorMessage": "BAD",
               "error": {"errors": [{"code": code, "message": message}]}}),
    )
}

fn unknown() -> Answer {
    answer(404, json!({"error": {"message": "not found", "errors": [{"reason": "notFound"}]}}))
}

async fn insert(answers: impl IntoIterator<Item = Answer>) -> (Stage, Result<(), CallError>, Duration) {
    let stage = stage(answers);
    let begun = Instant::now();
    let result = stage.client.insert_router("p", "r", &json!({}), Uuid::nil()).await;
    (stage, result, begun.elapsed())
}

/// Where Google refuses to wait, or does not know how to.
fn no_wait(status: u16) -> Answer {
    answer(status, json!({"error": {"message": "no"}}))
}

#[tokio::test(start_paused = true)]
async fn a_write_ends_with_its_operation() {
    let cases = [
        (vec![done()], vec![], 0),
        (vec![running(), done()], vec!["wait"], 0),
        // Google may answer before the operation is done.
        (
            vec![running(), running(), running(), running(), running(), done()],
            vec!["wait", "wait", "wait", "wait", "wait"],
            6000,
        ),
        (vec![running(), unknown(), unknown(), done()], vec!["wait", "get", "get"], 2000),
        (vec![running(), no_wait(403), running(), done()], vec!["wait", "get", "get"], 2000),
        (vec![running(), no_wait(501), running(), done()], vec!["wait", "get", "get"], 2000),
        (vec![running(), no_wait(503), done()], vec!["wait", "get"], 1000),
        (vec![running(), Answer::Fails(Sent::Maybe), done()], vec!["wait", "get"], 1000),
        // Something on the way holds the answer back.
        (vec![running(), Answer::Never, done()], vec!["wait", "get"], 30_000),
    ];
    for (answers, questions, millis) in cases {
        let (stage, result, took) = insert(answers).await;
        result.unwrap();
        let asked: Vec<_> =
            stage.asked()[1..].iter().map(|line| if line.ends_with("/wait") { "wait" } else { "get" }).collect();
        assert_eq!((asked, took.as_millis()), (questions, millis));
    }
}

#[tokio::test(start_paused = true)]
async fn operations_are_asked_for_where_they_live() {
    let stage = stage([running(), no_wait(403), done(), running(), no_wait(403), done()]);
    stage.client.delete_router("p", "r", "x", Uuid::nil()).await.unwrap();
    stage.client.delete_firewall("p", "f", Uuid::nil()).await.unwrap();
    let base = "compute.googleapis.com/compute/v1/projects/p";
    let asked = stage.asked();
    assert_eq!(asked[1], format!("POST {base}/regions/r/operations/operation-1/wait"));
    assert_eq!(asked[2], format!("GET {base}/regions/r/operations/operation-1"));
    assert_eq!(asked[4], format!("POST {base}/global/operations/operation-1/wait"));
    assert_eq!(asked[5], format!("GET {base}/global/operations/operation-1"));
    let counts = stage.log.counts();
    assert_eq!(["wait", "get"].map(|verb| counts[format!("compute.regionOperations.{verb}").as_str()]), [1, 1]);
}

/// "The request body must be empty", and over HTTP/1.1 Google wants to be told so.
#[tokio::test(start_paused = true)]
async fn a_wait_has_no_body_and_says_so() {
    let stage = stage([running(), done()]);
    stage.client.delete_firewall("p", "f", Uuid::nil()).await.unwrap();
    let asked = stage.script.asked.lock().unwrap();
    let wait = &asked[1];
    assert_eq!(wait.http.headers()["content-length"], "0");
    assert!(wait.http.body().is_empty() && wait.deadline == Duration::from_secs(30), "{wait:?}");
    assert!(asked[0].http.headers().get("content-length").is_none());
}

#[tokio::test(start_paused = true)]
async fn done_does_not_mean_well_done() {
    let cases = [
        ("RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", 400, "'x' is being used by 'y'", ErrorKind::InUse),
        ("RESOURCE_NOT_READY", 400, "not ready", ErrorKind::NotReady),
        ("RESOURCE_ALREADY_EXISTS", 409, "exists", ErrorKind::AlreadyExists),
        ("QUOTA_EXCEEDED", 403, "Quota 'ROUTERS' exceeded.", ErrorKind::Quota),
        ("INTERNAL_ERROR", 503, "Internal error.", ErrorKind::Transient),
        ("NEW_AND_STRANGE", 400, "?", ErrorKind::Invalid),
        (
            "PERMISSIONS_ERROR",
            403,
            "Required 'compute.subnetworks.use' permission for 's'",
            ErrorKind::Denied { permission: Some("compute.subnetworks.use".into()) },
        ),
        (
            "INVALID_USAGE",
            400,
            "Invalid IPCidrRange: 10.8.0.0/28 conflicts with existing subnetwork 's'.",
            ErrorKind::AddressConflict,
        ),
    ];
    for (code, status, message, kind) in cases {
        for before in [vec![], vec![running()]] {
            let (_, result, _) = insert(before.into_iter().chain([failed(code, status, message)])).await;
            let error = result.unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert_eq!(
                error.to_string(),
                format!("compute.routers.insert failed: operation operation-1: {code}: {message}")
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_for_an_operation_has_an_end() {
    let forever: fn() -> Vec<Answer> = || vec![running()];
    let lost: fn() -> Vec<Answer> = || vec![running(), unknown()];
    let silent: fn() -> Vec<Answer> = || vec![running(), Answer::Never];
    for (answers, seconds) in [(forever, 90..=90), (lost, 10..=12), (silent, 60..=61)] {
        let (_, result, took) = insert(answers()).await;
        let error = result.unwrap_err();
        assert!(error.is_transient(), "{error}");
        assert!(seconds.contains(&took.as_secs()), "{error} after {took:?}");
    }
}

/// Google answers a question about an operation with what would mean, as the answer to a write, that another was first.
#[tokio::test(start_paused = true)]
async fn a_conflict_of_the_question_says_nothing_of_the_write() {
    for (status, reason) in
        [(409, "alreadyExists"), (409, "conflict"), (412, "conditionNotMet"), (409, "operationInProgress")]
    {
        let odd = || answer(status, json!({"error": {"message": "odd", "errors": [{"reason": reason}]}}));
        let (_, result, _) = insert([running(), odd(), odd(), odd(), done()]).await;
        result.unwrap();
        let (_, result, took) = insert([running(), odd()]).await;
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.call()), (ErrorKind::Transient, "compute.routers.insert"), "{error}");
        assert!((5..=45).contains(&took.as_secs()), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_poll_is_told_as_such() {
    let denied = json!({"error": {"message": "Required 'compute.regionOperations.get' permission for 'o'"}});
    let (_, result, _) = insert([running(), answer(403, denied)]).await;
    let error = result.unwrap_err();
    assert_eq!(error.call(), "compute.regionOperations.get");
    assert_eq!(error.kind(), ErrorKind::Denied { permission: Some("compute.regionOperations.get".into()) });
}

#[tokio::test]
async fn connectors_answer_with_an_operation_that_can_be_read_later() {
    let name = "projects/p/locations/r/operations/o-1";
    let started = json!({"name": name, "metadata": {"target": "projects/p/locations/r/connectors/c"}});
    let conflict = "It conflicts with an existing subnetwork. Please delete the connector manually.";
    let failed =
        |code: u16, message: &str| json!({"name": name, "done": true, "error": {"code": code, "message": message}});
    let stage = stage([
        answer(200, started.clone()),
        answer(
            200,
            json!({"operations": [
                started,
                {"name": name, "done": true, "response": {}},
                failed(3, conflict),
                failed(7, "needs editor role in the project"),
                failed(9, "Operation failed: Insufficient CPU quota in region."),
                failed(9, "Operation denied by custom org policies: [\"customConstraints/custom.none\": \"no\"]."),
                {"name": name, "done": true, "error": {"code": 9, "message": "Not allowed.", "details": [
                    {"violations": [{"type": "constraints/gcp.restrictNonCmekServices", "subject": "orgpolicy:projects/p"}]}]}},
            ]}),
        ),
        answer(200, failed(7, "no")),
    ]);
    let create = "vpcaccess.projects.locations.connectors.create";
    let operation = stage.client.create_connector("p", "r", "c", &json!({})).await.unwrap();
    assert_eq!((operation.name.as_str(), operation.ended(create).unwrap()), (name, false));
    assert_eq!(operation.metadata["target"], Value::from("projects/p/locations/r/connectors/c"));

    let listed = stage.client.list_connector_operations("p", "r").await.unwrap();
    let ended: Vec<_> = listed.iter().map(|one| one.ended(create).map_err(|error| error.kind())).collect();
    let policy = |name: &str| Err(ErrorKind::OrgPolicy { constraint: Some(name.to_owned()) });
    let expected = [
        Ok(false),
        Ok(true),
        Err(ErrorKind::AddressConflict),
        Err(ErrorKind::Denied { permission: None }),
        Err(ErrorKind::Quota),
        policy("customConstraints/custom.none"),
        policy("constraints/gcp.restrictNonCmekServices"),
    ];
    assert_eq!(ended, expected);

    // A write whose operation has already failed is an error at once.
    assert!(stage.client.delete_connector("p", "r", "c").await.is_err());
}
