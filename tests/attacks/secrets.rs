//! What is nobody's business: a canary in every place where a secret may stand, looked for in all that we say.

use egress_reconciler::web::Auth;
use serde_json::{Value, json};

use super::{
    house::{ADMIN, AUDIENCE, CALLER, CANARY, House, deployed, merged, own, world},
    signer::{Seal, Signer, bearer},
};

/// The log of every library at every level, the reports, and every answer.
async fn check(house: &House, answers: &[String]) {
    house.waits(120).await;
    assert!(!house.log.text().contains(CANARY), "in the log");
    for report in house.topic.0.lock().unwrap().iter() {
        let text = serde_json::to_string(report).unwrap();
        assert!(!text.contains(CANARY), "in a report: {text}");
    }
    for answer in answers {
        assert!(!answer.contains(CANARY), "in an answer: {answer}");
    }
}

/// The entry of a deploy, with the environment that Cloud Run would have left out.
fn telling() -> Value {
    let containers = json!([{"image": "x", "env": [{"name": "PASSWORD", "value": CANARY}]}]);
    let request = json!({"job": {"template": {"template": {"containers": containers}}}});
    merged(deployed(), &json!({"protoPayload": {"request": request, "response": {"spec": {"env": CANARY}}}}))
}

#[tokio::test(start_paused = true)]
async fn what_a_workload_keeps_secret_is_told_nowhere() {
    let house = House::heard(world(), Auth::Off, "trace");
    let mut answers = vec![house.post("/", &[], telling().to_string()).await.body];
    for path in ["/state?project=demo-project&region=europe-west1", "/metrics", "/readyz", "/livez"] {
        answers.push(house.get(path).await.body);
    }
    answers.push(house.post("/sweep", &[("accept", "application/x-ndjson")], "").await.body);
    answers.push(house.post("/sweep", &[], r#"{"dry_run":true}"#).await.body);
    assert!(answers.iter().any(|answer| answer.contains("nightly")));
    assert!(!house.topic.0.lock().unwrap().is_empty());
    check(&house, &answers).await;
}

#[tokio::test(start_paused = true)]
async fn nor_when_google_answers_strangely() {
    let strange: &[fn(&mut Value)] = &[
        |job| job["template"]["template"]["vpcAccess"] = json!(7),
        |job| job["template"]["template"]["containers"] = json!(CANARY),
        |job| job["template"] = json!([CANARY]),
        |job| job["labels"] = json!(7),
        |job| job["name"] = json!(null),
    ];
    for change in strange {
        let house = House::heard(world(), Auth::Off, "trace");
        let mut job = json!({"name": "x", "template": {"template": {"containers": [{"env": [{"value": CANARY}]}]}}});
        change(&mut job);
        *house.wire.lie.lock().unwrap() = Some(Box::new(move |request| {
            let page = json!({"jobs": [job]}).to_string();
            (request.call == "run.projects.locations.jobs.list").then(|| http::Response::new(page.into()))
        }));
        let answer = house.post("/", &[], telling().to_string()).await;
        check(&house, &[answer.body]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_caller_proves_himself_with_is_told_nowhere() {
    let signer = Signer::new("ours");
    let house = House::heard(world(), own(), "trace");
    *house.wire.certificates.lock().unwrap() = Some(json!([signer.jwk()]));
    let claims = |email: &str| json!({"iss": "accounts.google.com", "aud": AUDIENCE, "email": email, "email_verified": true, "iat": 0, "exp": 9_999_999_999_i64, "sub": CANARY});
    let header = json!({"alg": "RS256", "kid": "ours"}).to_string();
    let (caller, admin) = (
        bearer(&header, &claims(CALLER).to_string(), Seal::Signed(&signer)),
        bearer(&header, &claims(ADMIN).to_string(), Seal::Signed(&signer)),
    );
    let mut answers = Vec::new();
    for token in
        [&caller, &admin, &format!("Bearer {CANARY}"), &format!("Basic {CANARY}"), &format!("{caller}{CANARY}")]
    {
        let headers = [("authorization", token.as_str()), ("cookie", CANARY), ("x-api-key", CANARY)];
        answers.push(house.post("/", &headers, deployed().to_string()).await.body);
        answers.push(house.post("/sweep", &headers, "").await.body);
        answers.push(house.post(&format!("/?token={CANARY}"), &headers, "{").await.body);
        answers.push(house.post(&format!("/state?token={CANARY}"), &headers, "{").await.body);
    }
    let log = house.log.text();
    for token in [&caller, &admin] {
        let signature = token.rsplit('.').next().unwrap();
        assert!(!log.contains(signature) && !log.contains(&token[7..40]));
    }
    check(&house, &answers).await;
}
