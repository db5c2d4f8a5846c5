//! `deploy/examples/reports`, run on reports of real runs: what people read in Google Chat, and what BigQuery answers. The
//! engines are not Google's: `reports.py` says which.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use egress_reconciler::{
    domain::{planner::break_glass::DenySelector, report::Report, stamp::RELEASED_FOR},
    reconcile::break_glass::BreakGlass,
};
use serde_json::{Value, json};

use crate::{
    lab::{ENFORCE, PROJECT, TestCloud, policy, world},
    support::Topic,
};

const FIREWALLS: &str = "https://compute.googleapis.com/compute/v1/projects/demo-project/global/firewalls";
const DENY: &str = "deny-conn-europe-west2-egress";

fn seen(reports: &[Report]) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/clients/bin/python");
    let mut child = Command::new(&python)
        .arg(root.join("tests/real/reports.py"))
        .arg(root.join("deploy/examples/reports"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{} is needed: {error}", python.display()));
    child.stdin.take().unwrap().write_all(&serde_json::to_vec(reports).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Alice opens everything by a rule of hers, Bob disables the deny, which is put back, and Carol releases it.
async fn reports_of_a_month() -> Vec<Report> {
    let lab = TestCloud::new(world(), &policy(ENFORCE));
    let topic = Topic::of(&lab.app);
    assert_eq!(lab.deploy("nightly", "conn").await.status(), 400);
    lab.hear(0).await;
    tokio::time::sleep(std::time::Duration::from_secs(180)).await;
    lab.run().await;
    let change = async |who: &str, verb: &str, url: &str, body: Value| {
        let heard = lab.cloud.audit_entries().len();
        assert_eq!(lab.call_as(who, verb, url, body).await.status(), 200, "{url}");
        lab.hear(heard).await;
    };
    let rule = json!({
        "name": "open-wide", "network": format!("projects/{PROJECT}/global/networks/my-vpc"), "direction": "EGRESS",
        "priority": 500, "allowed": [{"IPProtocol": "all"}], "destinationRanges": ["0.0.0.0/0"],
    });
    change("alice@example.com", "POST", FIREWALLS, rule).await;
    change("dave@example.com", "DELETE", &format!("{FIREWALLS}/open-wide"), Value::Null).await;
    change("bob@example.com", "PATCH", &format!("{FIREWALLS}/{DENY}"), json!({"disabled": true})).await;
    let all = DenySelector::default();
    let order = BreakGlass { pick: &all, by: "carol@example.com", dry_run: false };
    lab.app.engine.release(order, RELEASED_FOR).await;
    topic.reports().clone()
}

#[tokio::test(start_paused = true)]
async fn what_people_are_told_of_reports() {
    let mut reports = reports_of_a_month().await;
    let told = reports.len();
    assert!(told >= 5, "{reports:#?}");
    // Chat would read it as a mention of everybody in the space.
    reports.push(Report { summary: "<users/all> \"quoted\" ".to_owned() + &"x".repeat(5000), ..reports[0].clone() });
    reports.push(Report { summary: String::new(), ..reports[0].clone() });
    let seen = seen(&reports);

    let chat = seen["chat"].as_array().unwrap();
    for (message, report) in chat.iter().zip(&reports[..told]) {
        assert_eq!(message["attributes"], json!({"Content-Type": "application/json; charset=UTF-8"}));
        let body: Value = serde_json::from_str(message["data"].as_str().unwrap()).unwrap();
        assert_eq!(body, json!({"text": report.summary}));
    }
    let hostile: Value = serde_json::from_str(chat[told]["data"].as_str().unwrap()).unwrap();
    let text = hostile["text"].as_str().unwrap();
    assert!(text.starts_with("users/all \"quoted\" xxx") && text.chars().count() == 4000, "{text}");
    assert_eq!(chat[told + 1], Value::Null, "a report without a summary is no message");

    let row = |what: &str, object: &str, rule: Option<&str>, who: &str| json!({"what": what, "object": object, "rule": rule, "who": who});
    let conn = format!("projects/{PROJECT}/locations/europe-west2/connectors/conn");
    let mut rows = seen["rows"].as_array().unwrap().clone();
    rows.sort_by_key(|row| row["what"].to_string());
    let expected = [
        row("disarmed", &conn, None, "carol@example.com"),
        row("reverted", &format!("firewall/{DENY}"), None, "bob@example.com"),
        row("shadowed", &conn, Some("open-wide"), "alice@example.com"),
    ];
    assert_eq!(rows, expected);
}

/// The table that the page has a reader create is the one that Terraform creates.
#[test]
fn the_table_is_that_of_terraform() {
    let read = |path: &str| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let columns: Value = serde_json::from_str(&read("deploy/examples/reports/table.json")).unwrap();
    let terraform = read("deploy/terraform/reports.tf");
    for column in columns.as_array().unwrap() {
        let [name, kind, mode] = ["name", "type", "mode"].map(|key| column[key].as_str().unwrap());
        let line = format!("{{ name = \"{name}\", type = \"{kind}\", mode = \"{mode}\" }},");
        assert!(terraform.contains(&line), "{line}");
    }
    assert_eq!(terraform.matches("{ name = \"").count(), columns.as_array().unwrap().len());
}
