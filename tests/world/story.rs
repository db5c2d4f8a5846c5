use std::{collections::BTreeSet, time::Duration};

use egress_reconciler::domain::{
    audit::signal::Signal,
    plan::EgressState,
    report::{Outcome, Report},
    target::Place,
};
use futures_util::future::join_all;

use crate::lab::{ENFORCE, REGION, TestCloud, policy, signal, states, world};

fn done(report: &Report) -> Vec<String> {
    report
        .steps
        .iter()
        .filter(|step| step.is_done())
        .map(|step| format!("{} {}", step.verb.word(), step.step))
        .collect()
}

/// A refused deploy comes in, a repaired path and a report go out.
async fn from_scratch() -> TestCloud {
    let lab = TestCloud::new(world(), &policy(ENFORCE));
    let refused = lab.deploy("nightly-export", "vpc-conn-europe").await;
    assert_eq!(refused.status(), 400, "{:?}", refused.body());
    let reports = lab.hear(0).await;
    let report = reports.last().expect("the refused deploy is heard");
    assert_eq!(report.outcome, Outcome::Waiting, "{report:#?}");
    assert_eq!(
        done(report),
        [
            "create subnet/egress-vpc-conn-europe-europe-west2",
            "create connector/vpc-conn-europe",
            "create router/egress-my-vpc-europe-west2",
            "create firewall/allow-vpc-conn-europe-europe-west2-infra",
            "create firewall/allow-vpc-conn-europe-europe-west2-gapi",
            "create firewall/allow-vpc-conn-europe-europe-west2-int",
            "create firewall/allow-vpc-conn-europe-europe-west2-egress",
            "create firewall/deny-vpc-conn-europe-europe-west2-egress",
            "extend firewall/allow-vpc-conn-europe-europe-west2-infra",
        ]
    );
    assert_eq!(report.waiting_on.len(), 1);
    lab
}

#[tokio::test(start_paused = true)]
async fn from_a_refused_deploy_to_a_scoped_path() {
    let lab = from_scratch().await;
    let heard = lab.cloud.audit_entries().len();
    tokio::time::sleep(Duration::from_secs(130)).await;
    let woken = lab.hear(heard).await;
    let report = woken.last().expect("the connector's completion wakes us");
    assert_eq!((report.outcome, states(report)), (Outcome::InSync, vec![EgressState::Scoped]), "{report:#?}");
    assert_eq!(lab.deploy("nightly-export", "vpc-conn-europe").await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn each_object_is_written_once() {
    let lab = from_scratch().await;
    let mut writes = lab.writes(0);
    writes.sort();
    assert_eq!(
        writes,
        [
            "compute.firewalls.insert",
            "compute.firewalls.insert",
            "compute.firewalls.insert",
            "compute.firewalls.insert",
            "compute.firewalls.insert",
            "compute.firewalls.patch",
            "compute.routers.insert",
            "compute.subnetworks.insert",
            "vpcaccess.projects.locations.connectors.create",
        ]
    );
    let looks = lab.cloud.calls().into_iter().filter(|call| call.call == "compute.firewalls.list").count();
    assert_eq!(looks, 4, "three rounds that write, and the look that proves them");
    let calls = lab.cloud.calls().len();
    lab.run().await;
    assert_eq!(lab.writes(calls), Vec::<String>::new(), "a second look writes nothing");
}

#[tokio::test(start_paused = true)]
async fn in_sync_beside_a_connector_is_twelve_reads() {
    let lab = from_scratch().await;
    tokio::time::sleep(Duration::from_secs(130)).await;
    lab.run().await;
    let report = lab.run().await;
    assert_eq!(report.outcome, Outcome::InSync);
    assert_eq!(report.calls.values().sum::<u32>(), 12, "{:?}", report.calls);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_deliveries_are_two_runs() {
    let lab = TestCloud::new(world(), &policy(ENFORCE));
    let reports = join_all((0..100).map(|_| lab.app.expander.submit(signal(&lab.target())))).await;
    let mut ids: Vec<_> =
        reports.into_iter().flat_map(|reports| reports.unwrap()).map(|report| report.id.clone()).collect();
    assert_eq!(ids.len(), 100);
    ids.sort();
    ids.dedup();
    assert!(ids.len() <= 2, "{} runs", ids.len());
}

#[tokio::test(start_paused = true)]
async fn what_people_break_is_put_back_and_told() {
    let lab = from_scratch().await;
    tokio::time::sleep(Duration::from_secs(130)).await;
    lab.run().await;
    let heard = lab.cloud.audit_entries().len();
    let base = "https://compute.googleapis.com/compute/v1/projects/demo-project";
    let deny = format!("{base}/global/firewalls/deny-vpc-conn-europe-{REGION}-egress");
    let router = format!("{base}/regions/{REGION}/routers/egress-my-vpc-{REGION}");
    let mut heard = heard;
    for (url, broken, step, reason) in [
        (
            &deny,
            serde_json::json!({"disabled": true}),
            "repair firewall/deny-vpc-conn-europe-europe-west2-egress",
            "was disabled by alice@example.com",
        ),
        (
            &router,
            serde_json::json!({"nats": []}),
            "extend router/egress-my-vpc-europe-west2",
            "our router has lost its NAT, changed by alice@example.com",
        ),
    ] {
        assert_eq!(lab.call("PATCH", url, broken).await.status(), 200);
        let reports = lab.hear(heard).await;
        let done: Vec<_> = reports.iter().flat_map(|report| done(report)).collect();
        assert_eq!(done, [step]);
        let said: Vec<_> = reports.iter().flat_map(|report| &report.steps).map(|step| step.reason.clone()).collect();
        assert!(said[0].contains(reason), "{said:?}");
        // Past our own write's entries.
        tokio::time::sleep(Duration::from_secs(60)).await;
        heard = lab.cloud.audit_entries().len();
    }

    // An allow of his own above our deny is told, and never touched.
    let calls = lab.cloud.calls().len();
    let rule = serde_json::json!({
        "name": "alice-opens", "network": "projects/demo-project/global/networks/my-vpc", "direction": "EGRESS", "priority": 500,
        "allowed": [{"IPProtocol": "all"}], "destinationRanges": ["0.0.0.0/0"],
    });
    assert_eq!(lab.call("POST", &format!("{base}/global/firewalls"), rule).await.status(), 200);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let report = lab.run().await;
    assert_eq!(states(&report), [EgressState::Shadowed]);
    assert_eq!(report.egress[0].by.as_deref(), Some("alice-opens"));
    assert_eq!(report.outcome, Outcome::Blocked);
    assert_eq!(
        lab.call("DELETE", &format!("{base}/global/firewalls/alice-opens"), serde_json::Value::Null).await.status(),
        200
    );
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(states(&*lab.run().await), [EgressState::Scoped]);
    assert_eq!(lab.writes(calls), Vec::<String>::new());
}

/// Somebody takes a name in the very moment: what waited for it is done in the next round.
#[tokio::test(start_paused = true)]
async fn a_lost_race_is_made_good_in_the_same_run() {
    let lab = TestCloud::new(world(), &policy(ENFORCE));
    let fault = serde_json::json!({
        "method": "compute.subnetworks.insert", "nth": [1], "kind": "refuse", "status": 409, "reason": "alreadyExists",
    });
    lab.cloud.inject(serde_json::from_value(fault).unwrap());
    lab.deploy("nightly-export", "vpc-conn-europe").await;
    let reports = lab.hear(0).await;
    let report = reports.last().unwrap();
    assert_eq!(report.outcome, Outcome::Waiting, "{report:#?}");
    assert!(done(report).contains(&"create connector/vpc-conn-europe".to_owned()), "{:?}", done(report));
}

/// A project whose API is off hides no other.
#[tokio::test(start_paused = true)]
async fn one_bad_project_hides_no_other() {
    let both = world().project("other-project", "210987654321").without_api("other-project", "run.googleapis.com");
    let text = policy(ENFORCE).replace(
        "projects: [demo-project], regions: [europe-west2]",
        "projects: [demo-project, other-project], regions: all",
    );
    let lab = TestCloud::new(both, &text);
    let mut wide = signal(&lab.target());
    wide.place = Place::Project(lab.target().project);
    let reports = lab.app.expander.submit(wide).await.unwrap();
    assert!(!reports.is_empty());
    assert!(reports.iter().all(|report| report.target.as_ref().unwrap().project == lab.target().project));
}

/// A deploy may name the connector's project by its number; what it wanted is made all the same.
#[tokio::test(start_paused = true)]
async fn a_refused_deploy_that_names_the_project_by_number() {
    let lab = TestCloud::new(world(), &policy(ENFORCE));
    let url = format!("https://run.googleapis.com/v2/projects/demo-project/locations/{REGION}/jobs?jobId=nightly");
    let connector = format!("projects/123456789012/locations/{REGION}/connectors/conn");
    let job = serde_json::json!({"template": {"template": {"containers": [{"image": "app"}], "vpcAccess": {"connector": connector}}}});
    assert_eq!(lab.call("POST", &url, job).await.status(), 400);
    let reports = lab.hear(0).await;
    assert!(done(reports.last().unwrap()).contains(&"create connector/conn".to_owned()), "{reports:#?}");
    let asked = lab.cloud.calls().into_iter().filter(|call| call.call == "compute.projects.get").count();
    assert_eq!(asked, 1, "a number never changes hands");
}

/// Wide signals of one project, whatever each is about: the first runs at once, the rest share one run, and then all is quiet.
#[tokio::test(start_paused = true)]
async fn wide_signals_of_a_project_are_two_runs() {
    let lab = TestCloud::new(world(), &policy(ENFORCE));
    let (project, network) = (lab.target().project, "projects/demo-project/global/networks/my-vpc".to_owned());
    let places =
        [Place::Project(project.clone()), Place::Network(network.try_into().unwrap()), Place::Project(project)];
    let submit = |place: &Place| lab.app.expander.submit(Signal { place: place.clone(), ..signal(&lab.target()) });
    let first = join_all(places.iter().cycle().take(9).map(submit)).await;
    let reports: Vec<_> = first.into_iter().flat_map(|reports| reports.unwrap()).collect();
    let ids: BTreeSet<_> = reports.iter().map(|report| &report.id).collect();
    assert_eq!((reports.len(), ids.len()), (9, 2));
    let heard = |report: &Report| report.triggers.iter().map(|trigger| 1 + trigger.duplicates).sum::<u32>();
    assert_eq!(
        reports.iter().map(|report| heard(report)).max(),
        Some(9),
        "none is dropped, and the one before is remembered"
    );
    tokio::time::sleep(Duration::from_secs(60)).await;
    let start = tokio::time::Instant::now();
    submit(&places[1]).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(30), "long after the last one, nobody waits");
}
