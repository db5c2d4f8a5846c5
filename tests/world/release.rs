//! How long a release lasts, and who is named for it.

use egress_reconciler::{
    domain::{plan::EgressState, report::Outcome, stamp::RELEASED_FOR},
    reconcile::break_glass::BreakGlass,
};
use serde_json::{Value, json};

use crate::{
    break_glass::{DENY, all, only, released, rest, scoped, settings},
    lab::{PROJECT, states, world},
    support::Topic,
};

/// A release ends: `at-once` puts the denies back, `manual` waits for the command and is reported every day.
#[tokio::test(start_paused = true)]
async fn a_release_ends() {
    let lab = scoped(world(), &settings("rearm: at-once")).await;
    lab.release(all()).await;
    rest(24 * 3600 - 60).await;
    assert_eq!(states(&*lab.run().await), [EgressState::Disarmed; 2]);
    rest(60).await;
    assert_eq!(states(&*lab.run().await), [EgressState::Scoped; 2]);
    assert!(!lab.is_released(DENY).await);

    let lab = scoped(world(), &settings("rearm: manual")).await;
    lab.release(all()).await;
    let mut said = Vec::new();
    for _ in 0..3 {
        rest(24 * 3600).await;
        let report = lab.run().await;
        assert_eq!((report.outcome, states(&report)), (Outcome::Blocked, vec![EgressState::Disarmed; 2]));
        said.push(report.blocked_by[0].text.clone());
    }
    assert!(said[0].contains("the release was meant to last until 2026-11-24T12:"), "{}", said[0]);
    assert!(said[1].contains("1 day ago") && said[2].contains("2 days ago"), "{said:#?}");
    assert!(
        said[2].contains(
            "until you run `egress-reconciler rearm --project demo-project --region europe-west2 --connector conn`"
        ),
        "{}",
        said[2]
    );
    assert!(lab.is_released(DENY).await);
    assert_eq!(lab.rearm(all()).await.reports[0].outcome, Outcome::Changed);
}

/// Who released is known from the audit entry alone.
#[tokio::test(start_paused = true)]
async fn a_stamp_proves_nobody() {
    let lab = scoped(world(), &settings("rearm: manual")).await;
    let url = format!("https://compute.googleapis.com/compute/v1/projects/{PROJECT}/global/firewalls/{DENY}");
    let standing = lab.call("GET", &url, Value::Null).await;
    let rule: Value = serde_json::from_slice(&standing.into_body()).unwrap();
    let stamp = rule["description"].as_str().unwrap();
    let from = lab.cloud.audit_entries().len();
    let mark = format!("{stamp} released-by=boss@example.com at=2026-11-23T12:00:00Z until=2036-01-01T00:00:00Z");
    let patch = json!({"disabled": true, "description": mark});
    assert_eq!(lab.call_as("mallory@example.com", "PATCH", &url, patch).await.status(), 200);
    let report = lab.hear(from).await.pop().unwrap();
    let told = released(&report)[0];
    assert_eq!(told.by.as_deref(), Some("mallory@example.com"));
    assert!(told.text.contains("reported as blocked daily from 2026-11-30T12:00:00Z on"), "{}", told.text);
    rest(2 * 3600).await;
    let report = lab.run().await;
    let told = released(&report)[0];
    let claimed = Some("unknown (the stamp claims boss@example.com)");
    assert_eq!(told.by.as_deref(), claimed);
    // Nor does the command that puts it back, nor one that was called by whom the stamp claims and wrote nothing.
    let boss = BreakGlass { pick: &all(), by: "boss@example.com", dry_run: false };
    let report = lab.app.engine.release(boss, RELEASED_FOR).await.reports.remove(0);
    let untouched = released(&report).into_iter().find(|note| note.object.ends_with(DENY)).unwrap();
    assert_eq!(untouched.by.as_deref(), claimed, "{report:#?}");
    lab.change_policy(&settings("rearm: manual").replace("mode: enforce", "mode: report")).await;
    lab.change("allow-conn-europe-west2-int", json!({"disabled": true})).await;
    let report = lab.rearm(only("conn")).await.reports.remove(0);
    assert_eq!(report.egress[0].by.as_deref(), claimed, "{report:#?}");
}

/// A time that is yet to come holds nothing: the person on call is served all the same.
#[tokio::test(start_paused = true)]
async fn a_stamp_of_the_future_stops_no_release() {
    let lab = scoped(world(), &settings("rearm: at-once")).await;
    let stamp = lab.rule(PROJECT, DENY).await["description"].as_str().unwrap().to_owned();
    let mark = format!("{stamp} released-by=boss@example.com at=2036-01-01T00:00:00Z until=2036-01-02T00:00:00Z");
    lab.change(DENY, json!({"disabled": true, "description": mark})).await;
    let answer = lab.release(only("conn")).await;
    assert!(answer.reports[0].steps.iter().all(|step| step.is_done()) && lab.is_released(DENY).await, "{answer:#?}");
    assert_eq!(states(&*lab.run().await)[0], EgressState::Disarmed);
}

/// A release is told once, and once it is over, daily: no sweep in between has anything new to say.
#[tokio::test(start_paused = true)]
async fn what_waits_for_the_command_is_reported_daily() {
    let spoilt = " released-by=boss@example.com at=noon";
    for mark in [None, Some(spoilt)] {
        let lab = scoped(world(), &settings("rearm: manual")).await;
        let topic = Topic::of(&lab.app);
        match mark {
            None => drop(lab.release(all()).await),
            Some(mark) => {
                let stamp = lab.rule(PROJECT, DENY).await["description"].as_str().unwrap().to_owned();
                lab.change(DENY, json!({"disabled": true, "description": stamp + mark})).await;
            }
        }
        lab.run().await;
        let mut daily = Vec::new();
        for _ in 0..3 {
            topic.reports().clear();
            for _ in 0..4 {
                rest(6 * 3600).await;
                lab.sweep().await;
            }
            daily.push(topic.reports().len());
        }
        assert_eq!(daily, [1; 3], "{mark:?}");
    }
}
