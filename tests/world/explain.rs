//! The path of a workload as a person reads it, in worlds of the case files: before a run, and at rest after it.

use std::{path::Path, time::Duration};

use egress_reconciler::{
    cli::table::{Look, render_path},
    domain::{
        codes::HopCode,
        explain::{self, HopKind, HopState},
        planner::break_glass::DenySelector,
        stamp::RELEASED_FOR,
    },
    reconcile::break_glass::BreakGlass,
};
use serde_json::{Value, json};

use crate::{
    case_file::Case,
    lab::{ENFORCE, PROJECT, REGION, TestCloud, policy, world},
};

const LOOK: Look = Look { width: Some(120), ..Look::PLAIN };

async fn explained(lab: &TestCloud, workload: Option<&str>) -> Vec<egress_reconciler::domain::explain::Path> {
    let basis = lab.app.engine.inspect(&lab.target()).await;
    let blueprint = basis.blueprint();

    explain::explain(&basis.policy, &basis.observed, &blueprint, &basis.plan(&blueprint), &basis.cloud_sql, workload)
}

async fn told(lab: &TestCloud) -> String {
    explained(lab, None).await.iter().map(|path| render_path(path, &lab.target(), LOOK)).collect()
}

/// Each world: the name of its case, and what it looks like before and after.
async fn before_and_after(name: &str) -> String {
    let case = Case::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/cases/{name}.case")));
    let lab = TestCloud::new(case.world(), &case.policy(&json!({})));
    let before = told(&lab).await;
    lab.run().await;
    tokio::time::sleep(Duration::from_secs(180)).await;
    lab.run().await;
    let after = told(&lab).await;
    let after = if after == before { "the same\n".to_owned() } else { after };
    format!("{}\n\nbefore\n\n{before}\nafter\n\n{after}", case.title)
}

#[tokio::test(start_paused = true)]
async fn paths_in_many_worlds() {
    for name in [
        "required/job-names-a-missing-connector",
        "required/direct-vpc-beside-a-connector",
        "required/direct-vpc-on-a-connectors-subnet",
        "required/direct-vpc-by-the-network-alone",
        "users/cloud-sql-by-a-private-address",
        "users/direct-vpc-on-a-full-subnet",
        "users/direct-vpc-with-network-tags",
        "required/bad-reference",
        "required/elsewhere-in-error",
        "connector/in-error-by-somebody-else",
        "connector/other-network",
        "nat/hidden-subnet",
        "nat/appliance",
        "nat/router-name-taken",
        "nat/default-routes-for-other-tags",
        "nat/half-to-an-appliance",
        "nat/no-default-route",
        "nat/policy-based-route",
        "nat/static-address-unused",
        "nat/addresses-exhausted",
        "firewall/shadowed",
        "firewall/denied-from-above",
        "limits/report-writes-nothing",
    ] {
        insta::assert_snapshot!(name.replace('/', "_"), before_and_after(name).await);
    }
}

/// The contract: what programs read, by its own schema.
#[tokio::test(start_paused = true)]
async fn paths_as_json() {
    let schema = jsonschema::validator_for(&serde_json::to_value(explain::schema()).unwrap()).unwrap();
    for name in [
        "required/job-names-a-missing-connector",
        "required/direct-vpc-on-a-connectors-subnet",
        "required/bad-reference",
        "nat/no-default-route",
        "firewall/shadowed",
    ] {
        let case = Case::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/cases/{name}.case")));
        let lab = TestCloud::new(case.world(), &case.policy(&json!({})));
        let paths = serde_json::to_value(explained(&lab, None).await).unwrap();
        let wrong: Vec<String> = schema.iter_errors(&paths).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
        insta::assert_json_snapshot!(format!("json_{}", name.replace('/', "_")), paths);
    }
}

/// At 3 a.m.: the deny was released, and a service beside it uses no network at all.
#[tokio::test(start_paused = true)]
async fn a_released_path() {
    let lab = TestCloud::new(world(), &policy(ENFORCE));
    lab.deploy("nightly", "conn").await;
    lab.hear(0).await;
    tokio::time::sleep(Duration::from_secs(130)).await;
    lab.run().await;
    assert_eq!(lab.deploy("nightly", "conn").await.status(), 200);
    let url = format!("https://run.googleapis.com/v2/projects/{PROJECT}/locations/{REGION}/jobs?jobId=plain");
    let body =
        json!({"template": {"template": {"containers": [{"image": "europe-docker.pkg.dev/demo-project/app/a:1"}]}}});
    assert_eq!(lab.call("POST", &url, body).await.status(), 200);
    tokio::time::sleep(Duration::from_secs(5)).await;
    lab.app
        .engine
        .release(BreakGlass { pick: &DenySelector::default(), by: "alice@example.com", dry_run: false }, RELEASED_FOR)
        .await;
    insta::assert_snapshot!("released", told(&lab).await);
    // By the command or by hand: a deny that is down is a state of its own.
    let all = DenySelector::default();
    for by_hand in [false, true] {
        if by_hand {
            lab.app.engine.rearm(BreakGlass { pick: &all, by: "alice@example.com", dry_run: false }).await;
            lab.change_policy(&policy(ENFORCE).replace("at-once", "manual")).await;
            lab.change("deny-conn-europe-west2-egress", json!({"disabled": true})).await;
        }
        let paths = explained(&lab, Some("nightly")).await;
        let firewall = paths[0].hops.iter().find(|hop| hop.kind == HopKind::Firewall).unwrap();
        assert_eq!((firewall.state, firewall.code), (HopState::Disarmed, Some(HopCode::Disarmed)), "{by_hand}");
        assert_eq!(serde_json::to_value(firewall).unwrap()["state"], "disarmed");
    }
}

/// What could not be read is said where it is missing, and hides nothing else.
#[tokio::test(start_paused = true)]
async fn what_could_not_be_looked_at() {
    let lab = TestCloud::new(world(), &policy(ENFORCE));
    lab.deploy("nightly", "conn").await;
    lab.hear(0).await;
    tokio::time::sleep(Duration::from_secs(130)).await;
    lab.run().await;
    lab.deploy("nightly", "conn").await;
    for method in ["compute.firewalls.list", "compute.routers.list"] {
        let fault = json!({"method": method, "nth": "all", "kind": "refuse", "status": 403, "reason": "forbidden"});
        lab.cloud.inject(serde_json::from_value::<_>(fault).unwrap());
    }
    let paths = explained(&lab, Some("nightly")).await;
    let states: Vec<_> = paths[0].hops.iter().map(|hop| hop.state).collect();
    assert_eq!(states, [HopState::Ok, HopState::Ok, HopState::Ok, HopState::Ok, HopState::Unknown, HopState::Unknown]);
    let written: Value = serde_json::to_value(&paths).unwrap();
    let internet = &written[0]["destinations"][2];
    assert_eq!((&internet["class"], &internet["state"]), (&json!("internet"), &json!("unknown")));
    assert_eq!((&internet["hops"][5]["kind"], &internet["hops"][5]["code"]), (&json!("nat"), &json!("unread")));
}
