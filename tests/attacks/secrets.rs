//! What is nobody's business: a canary in every place where a secret may stand, looked for in all that we say.

use egress_reconciler::web::Auth;
use serde_json::{Value, json};

use super::{
    service::{ADMIN, AUDIENCE, CALLER, CANARY, TestService, deployed, own, world},
    signer::{Seal, Signer, bearer},
    support::merged,
};

/// The log of every library at every level, the reports, and every answer.
async fn check(service: &TestService, answers: &[String]) {
    service.waits(120).await;
    assert!(!service.log.text().contains(CANARY), "in the log");
    for report in service.topic.reports().iter() {
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
    let service = TestService::heard(world(), Auth::Off, "trace");
    let mut answers = vec![service.post("/", &[], telling().to_string()).await.body];
    for path in ["/state?project=demo-project&region=europe-west1", "/metrics", "/readyz", "/livez"] {
        answers.push(service.get(path).await.body);
    }
    answers.push(service.post("/sweep", &[("accept", "application/x-ndjson")], "").await.body);
    answers.push(service.post("/sweep", &[], r#"{"dry_run":true}"#).await.body);
    assert!(answers.iter().any(|answer| answer.contains("nightly")));
    assert!(!service.topic.reports().is_empty());
    check(&service, &answers).await;
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
        let service = TestService::heard(world(), Auth::Off, "trace");
        let mut job = json!({"name": "x", "template": {"template": {"containers": [{"env": [{"value": CANARY}]}]}}});
        change(&mut job);
        *service.wire.lie.lock().unwrap() = Some(Box::new(move |request| {
            let page = json!({"jobs": [job]}).to_string();
            (request.call == "run.projects.locations.jobs.list").then(|| http::Response::new(page.into()))
        }));
        let answer = service.post("/", &[], telling().to_string()).await;
        check(&service, &[answer.body]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_caller_proves_himself_with_is_told_nowhere() {
    let signer = Signer::new("ours");
    let service = TestService::heard(world(), own(), "trace");
    *service.wire.certificates.lock().unwrap() = Some(json!([signer.jwk()]));
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
        answers.push(service.post("/", &headers, deployed().to_string()).await.body);
        answers.push(service.post("/sweep", &headers, "").await.body);
        answers.push(service.post(&format!("/?token={CANARY}"), &headers, "{").await.body);
        answers.push(service.post(&format!("/state?token={CANARY}"), &headers, "{").await.body);
    }
    let log = service.log.text();
    for token in [&caller, &admin] {
        let signature = token.rsplit('.').next().unwrap();
        assert!(!log.contains(signature) && !log.contains(&token[7..40]));
    }
    check(&service, &answers).await;
}
