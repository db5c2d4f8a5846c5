use super::*;
use crate::domain::{names::ProjectId, policy::Mode};

#[tokio::test(start_paused = true)]
async fn not_ready_while_nobody_can_hear_the_reports() {
    let service = TestService::new();
    service.topic.refuse(Some(PublishError::Refused("topic not found".into())));
    assert_eq!(service.post("/", deployed().to_string()).await.status, 204);
    let answer = service.get("/readyz").await;
    assert_eq!(answer.status, 503);
    assert!(answer.json()["reasons"][0].as_str().unwrap().contains("topic not found"), "{}", answer.body);
    assert_eq!(service.get("/livez").await.status, 200);
    service.topic.refuse(None);
    service.post("/", deployed().to_string()).await;
    assert_eq!(service.get("/readyz").await.status, 200);
}

async fn a_while() {
    // The file is read on another thread: paused time stands still meanwhile.
    tokio::time::sleep(Duration::from_secs(15)).await;
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_went_wrong_is_only_reported_on() {
    let service = TestService::new();
    service.app.start();
    service.policy.write("version: 1\nowner: [");
    a_while().await;
    let answer = service.get("/readyz").await;
    assert_eq!((answer.status, answer.json()["status"].as_str()), (503, Some("not-ready")));
    assert_eq!(service.post("/", deployed().to_string()).await.status, 204);
    assert_eq!(service.calls_since(0).1, 0, "nothing is written");
    assert_eq!(service.topic.reports().last().unwrap().mode, Mode::Report);

    service.policy.write(POLICY);
    a_while().await;
    assert_eq!(service.get("/readyz").await.status, 200);
    assert_eq!(service.app.policy().mode, Mode::Enforce);

    service.policy.write(&POLICY.replace("demo-project", "other-project"));
    a_while().await;
    assert!(service.app.scope().projects.iter().eq(["other-project"].map(|id| ProjectId::parse(id).unwrap()).iter()));
}
