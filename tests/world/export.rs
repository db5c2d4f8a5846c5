//! What `export` prints: every object as it should be, before it exists and after.

use std::time::Duration;

use egress_reconciler::{domain::report::Outcome, reconcile::queue::RunRequest};
use serde_json::{Value, json};

use crate::lab::{ENFORCE, TestCloud, policy, world_with_job};

fn lab() -> TestCloud {
    TestCloud::new(world_with_job(), &policy(ENFORCE))
}

async fn exported(lab: &TestCloud) -> Value {
    let basis = lab.app.engine.inspect(&lab.target()).await;
    basis.blueprint().document(&basis.observed)
}

async fn settle(lab: &TestCloud) {
    for _ in 0..3 {
        lab.app.queue.submit(RunRequest::new(lab.target())).await;
        tokio::time::sleep(Duration::from_secs(300)).await;
    }
    let report = lab.app.queue.submit(RunRequest::new(lab.target())).await;
    assert_eq!(report.outcome, Outcome::InSync, "{report:#?}");
}

#[tokio::test(start_paused = true)]
async fn before_anything_exists() {
    let document = exported(&lab()).await;
    insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap());
}

/// What was exported is what a run creates, and then what exists, but for what Google adds and the marks of our stamps.
#[tokio::test(start_paused = true)]
async fn what_is_exported_is_what_comes_to_be() {
    let lab = lab();
    let before = exported(&lab).await;
    settle(&lab).await;
    let after = exported(&lab).await;
    let own = |document: &Value| {
        let mut document = document.clone();
        let description = document["description"].as_str().map(|text| text.split(" armed=").next().unwrap().to_owned());
        if let Some(description) = description {
            document["description"] = description.into();
        }
        document
    };
    let documents = |export: &Value| {
        let path = &export["paths"][0];
        let rules = path["firewalls"].as_array().unwrap().iter();
        let others = [path["subnet"].clone(), path["connector"].clone(), export["router"].clone()];
        rules.cloned().chain(others).collect::<Vec<_>>()
    };
    let (planned, kept) = (documents(&before), documents(&after));
    assert_eq!(planned.len(), 8, "{before:#}");
    let cloud = lab.cloud.world().resources;
    for document in planned.iter().zip(&kept).flat_map(|(planned, kept)| [planned, kept]) {
        let name = document["name"].as_str().unwrap();
        let path = |path: &str| path == name || path.ends_with(&format!("/{name}"));
        let existing = cloud.iter().find(|found| found.from.is_none() && path(&found.path) && found.document.is_some());
        let existing = own(existing.unwrap_or_else(|| panic!("{name}")).document.as_ref().unwrap());
        for (field, value) in own(document).as_object().unwrap() {
            // Links come back as whole URLs.
            let same =
                existing[field] == *value || existing[field].to_string().contains(value.as_str().unwrap_or("\0"));
            assert!(same || field == "nats", "{name} {field}: exported {value}, exists {}", existing[field]);
        }
    }
    assert_eq!(after["blockedBy"], json!([]));
}
