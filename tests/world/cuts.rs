//! A path that another hand cuts is told when the change is heard, and again when it is over.

use std::{sync::Arc, time::Duration};

use egress_reconciler::domain::{
    plan::EgressState,
    report::{Outcome, Report},
};
use serde_json::{Value, json};

use crate::{
    lab::{ENFORCE, PROJECT, TestCloud, policy, states, world},
    support::Topic,
};

const COMPUTE: &str = "https://compute.googleapis.com/compute/v1/projects/demo-project";

struct Watched {
    lab: TestCloud,
    topic: Arc<Topic>,
}

impl Watched {
    /// A path at rest.
    async fn new() -> Self {
        let lab = TestCloud::new(world(), &policy(ENFORCE));
        lab.deploy("nightly", "conn").await;
        lab.hear(0).await;
        tokio::time::sleep(Duration::from_secs(180)).await;
        assert_eq!(states(&*lab.run().await), [EgressState::Scoped]);
        let topic = Topic::of(&lab.app);
        Self { lab, topic }
    }

    /// A person changes something; what is published of it.
    async fn after(&self, method: &str, path: &str, body: Value) -> Report {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let (entries, told) = (self.lab.cloud.audit_entries().len(), self.topic.reports().len());
        let answer = self.lab.call(method, &format!("{COMPUTE}/{path}"), body).await;
        assert_eq!(answer.status(), 200, "{:?}", answer.body());
        self.lab.hear(entries).await;
        let reports: Vec<Report> = self.topic.reports().iter().skip(told).cloned().collect();
        assert_eq!(reports.len(), 1, "{method} {path}: {reports:#?}");
        reports.into_iter().next().unwrap()
    }

    async fn expect_cut(&self, by: &str, (method, path, body): (&str, &str, Value)) {
        let report = self.after(method, path, body).await;
        assert_eq!((report.outcome, states(&report)), (Outcome::Blocked, vec![EgressState::CutOff]), "{report:#?}");
        assert_eq!(report.egress[0].by.as_deref(), Some(by));
        let notes: Vec<_> = report.blocked_by.iter().map(|note| (note.code.word(), note.by.as_deref())).collect();
        assert_eq!(notes, [("cut-off", Some(by))]);
        assert!(!report.triggers.is_empty(), "{report:#?}");
    }
}

/// What is found of the path; the deploy that asked for its connector was refused, so that it is idle.
fn findings(report: &Report) -> Vec<(&str, Option<&str>)> {
    let findings = report.findings.iter().filter(|note| note.code.word() != "idle");
    findings.map(|note| (note.code.word(), note.by.as_deref())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_cut_by_a_rule_is_heard() {
    let watched = Watched::new().await;
    let network = format!("projects/{PROJECT}/global/networks/my-vpc");
    let rule = json!({
        "name": "stop-all", "network": network, "direction": "EGRESS", "priority": 200, "denied": [{"IPProtocol": "all"}],
    });
    watched.expect_cut("stop-all", ("POST", "global/firewalls", rule)).await;
    // A part of it is a finding.
    let part = json!({"destinationRanges": ["203.0.113.0/24"]});
    let report = watched.after("PATCH", "global/firewalls/stop-all", part).await;
    assert_eq!((report.outcome, states(&report)), (Outcome::InSync, vec![EgressState::Scoped]), "{report:#?}");
    assert_eq!(findings(&report), [("narrowed", Some("stop-all"))], "told once, though it narrows several rules");
    let report = watched.after("DELETE", "global/firewalls/stop-all", Value::Null).await;
    assert_eq!((report.outcome, findings(&report)), (Outcome::InSync, Vec::new()), "{report:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_cut_by_a_policy_of_the_network_is_heard() {
    let watched = Watched::new().await;
    // Before the VPC's rules, as the network says.
    let first = json!({"networkFirewallPolicyEnforcementOrder": "BEFORE_CLASSIC_FIREWALL"});
    let answer = watched.lab.call("PATCH", &format!("{COMPUTE}/global/networks/my-vpc"), first).await;
    assert_eq!(answer.status(), 200, "{:?}", answer.body());
    let made = watched.lab.call("POST", &format!("{COMPUTE}/global/firewallPolicies"), json!({"name": "guard"})).await;
    assert_eq!(made.status(), 200, "{:?}", made.body());
    tokio::time::sleep(Duration::from_secs(60)).await;
    let network = format!("projects/{PROJECT}/global/networks/my-vpc");
    let association = json!({"name": "on-my-vpc", "attachmentTarget": network, "priority": 5});
    let path = format!("{COMPUTE}/global/firewallPolicies/guard/addAssociation");
    assert_eq!(watched.lab.call("POST", &path, association).await.status(), 200);
    tokio::time::sleep(Duration::from_secs(60)).await;
    watched.lab.run().await;
    let rule = json!({
        "priority": 7, "direction": "EGRESS", "action": "deny",
        "match": {"destIpRanges": ["0.0.0.0/0"], "layer4Configs": [{"ipProtocol": "all"}]},
    });
    watched.expect_cut("guard rule 7", ("POST", "global/firewallPolicies/guard/addRule", rule)).await;
}
