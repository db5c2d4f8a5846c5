//! Our denies disabled in an emergency, and put back.

use std::{sync::Arc, time::Duration};

use egress_reconciler::{
    domain::{
        plan::{EgressState, Note, Verb},
        planner::break_glass::DenySelector,
        report::{Outcome, Report},
        stamp::RELEASED_FOR,
        target::Target,
    },
    reconcile::{
        break_glass::{Answer, BreakGlass},
        queue::RunRequest,
    },
    sim::world::World,
};
use serde_json::{Value, json};

use crate::lab::{PROJECT, REGION, TestCloud, policy, states, world};

pub const COMPUTE: &str = "https://compute.googleapis.com/compute/v1";
pub const DENY: &str = "deny-conn-europe-west2-egress";

/// Two declared connectors, scoped.
pub fn settings(firewall: &str) -> String {
    policy(&format!(
        "connector: {{subnet_pools: [10.8.0.0/20], declared: [{{region: {REGION}, name: conn}}, {{region: {REGION}, name: second}}]}}\nfirewall: {{enforcement: enforce, {firewall}}}\n"
    ))
}

pub async fn scoped(world: World, policy: &str) -> TestCloud {
    let lab = TestCloud::new(world, policy);
    lab.run().await;
    rest(130).await;
    let report = lab.run().await;
    assert_eq!(states(&report), [EgressState::Scoped; 2], "{report:#?}");
    lab
}

pub async fn rest(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// What is told of denies that are down by a release that lasts.
pub fn released(report: &Report) -> Vec<&Note> {
    report.findings.iter().filter(|note| note.code.word() == "released").collect()
}

pub fn all() -> DenySelector {
    DenySelector::default()
}

pub fn only(connector: &str) -> DenySelector {
    DenySelector { connector: Some(connector.to_owned()), ..DenySelector::default() }
}

impl TestCloud {
    pub async fn sweep(&self) {
        self.app.queue.submit(RunRequest { sweep: true, ..RunRequest::new(self.target()) }).await;
    }

    pub async fn release(&self, pick: DenySelector) -> Answer {
        self.app.engine.release(BreakGlass { pick: &pick, by: "alice@example.com", dry_run: false }, RELEASED_FOR).await
    }

    pub async fn rearm(&self, pick: DenySelector) -> Answer {
        self.app.engine.rearm(BreakGlass { pick: &pick, by: "bob@example.com", dry_run: false }).await
    }

    pub async fn rule(&self, host: &str, name: &str) -> Value {
        let answer = self.call("GET", &format!("{COMPUTE}/projects/{host}/global/firewalls/{name}"), Value::Null).await;
        serde_json::from_slice(answer.body()).unwrap()
    }

    pub async fn change(&self, name: &str, body: Value) {
        let answer = self.call("PATCH", &format!("{COMPUTE}/projects/{PROJECT}/global/firewalls/{name}"), body).await;
        assert_eq!(answer.status(), 200, "{:?}", answer.body());
        rest(5).await;
    }

    pub async fn is_released(&self, name: &str) -> bool {
        let rule = self.rule(PROJECT, name).await;
        let marked = rule["description"].as_str().unwrap().contains(" released-by=alice@example.com at=2026-11-23T12:");
        assert_eq!(marked, rule["disabled"].as_bool().unwrap(), "{rule}");
        marked
    }
}

#[tokio::test(start_paused = true)]
async fn released_denies_stay_down_until_rearmed() {
    for rearm in ["rearm: at-once", "rearm: manual"] {
        let lab = scoped(world(), &settings(rearm)).await;
        let (calls, published) = (lab.cloud.calls().len(), lab.cloud.published().len());
        let answer = lab.release(all()).await;
        let report = &answer.reports[0];
        assert_eq!(report.steps.len(), 2, "{report:#?}");
        assert!(report.steps.iter().all(|step| step.is_done()));
        assert_eq!((report.outcome, states(report)), (Outcome::Changed, vec![EgressState::Disarmed; 2]));
        assert_eq!(report.egress[0].by.as_deref(), Some("alice@example.com"));
        assert_eq!(report.triggers[0].principal.as_deref(), Some("alice@example.com"));
        assert_eq!(report.triggers[0].method, "egress-reconciler release");
        let made: Vec<_> = lab.cloud.calls().into_iter().skip(calls).map(|call| call.call).collect();
        assert_eq!(made.iter().filter(|call| *call == "compute.firewalls.list").count(), 2, "{made:?}");
        assert_eq!(lab.writes(calls), ["compute.firewalls.patch"; 2], "one write a deny");
        let last = made.iter().rposition(|call| *call == "compute.firewalls.patch");
        let proof = made.iter().position(|call| *call == "compute.regionNetworkFirewallPolicies.getEffectiveFirewalls");
        assert!(last < proof, "opened first, then proven: {made:?}");
        assert_eq!(released(report).len(), 2, "{report:#?}");
        for (note, name) in released(report).into_iter().zip(["conn", "second"]) {
            assert!(
                note.text.contains(&format!("egress of connector {name} is open: no rule read after")),
                "{}",
                note.text
            );
        }
        assert_eq!(lab.cloud.published().len(), published, "this policy names no topic");

        // Heard, swept and run again: nothing puts it back, and everybody is told since when.
        rest(60).await;
        let calls = lab.cloud.calls().len();
        let report = lab.run().await;
        assert_eq!((report.outcome, states(&report)), (Outcome::InSync, vec![EgressState::Disarmed; 2]));
        let told = &released(&report)[0].text;
        assert!(
            told.contains("was released by unknown (the stamp claims alice@example.com) at 2026-11-23T12:"),
            "{told}"
        );
        assert!(
            told.contains("2026-11-24T12:")
                && told.contains(
                    "`egress-reconciler rearm --project demo-project --region europe-west2 --connector conn`"
                ),
            "{told}"
        );
        // Asked for again, it lasts longer.
        let again = lab.release(all()).await;
        assert!(again.reports[0].steps.iter().all(|step| step.is_done() && step.verb == Verb::Extend), "{again:#?}");
        assert_eq!(released(&again.reports[0]).len(), 2);
        assert_eq!(lab.writes(calls), ["compute.firewalls.patch"; 2]);
        assert!(lab.is_released(DENY).await);

        let calls = lab.cloud.calls().len();
        let answer = lab.rearm(all()).await;
        let report = &answer.reports[0];
        assert_eq!((report.outcome, states(report)), (Outcome::Changed, vec![EgressState::Scoped; 2]), "{report:#?}");
        assert_eq!(lab.writes(calls), ["compute.firewalls.patch"; 2]);
        assert!(!lab.is_released(DENY).await);
        let calls = lab.cloud.calls().len();
        assert_eq!(lab.run().await.outcome, Outcome::InSync);
        let nothing = lab.rearm(all()).await;
        assert!(nothing.reports.is_empty() && nothing.found);
        assert_eq!(lab.writes(calls), Vec::<String>::new());
    }
}

/// Neither mode nor budget nor an opt-out nor an exemption holds an order up.
#[tokio::test(start_paused = true)]
async fn nothing_holds_an_order_up() {
    let right = settings("rearm: manual");
    for limited in [
        right.replace("mode: enforce", "mode: off"),
        right.replace("mode: enforce", "mode: report"),
        format!("{right}budget: {{changes_per_run: 0, changes_per_hour: 0}}\n"),
        format!("{right}exemptions: [{{connector: '*', reason: a test, until: 2026-12-01}}]\n"),
    ] {
        let lab = scoped(world(), &right).await;
        lab.change_policy(&limited).await;
        let answer = lab.release(all()).await;
        assert!(answer.reports[0].steps.iter().all(|step| step.is_done()), "{limited}: {answer:#?}");
        assert!(lab.is_released(DENY).await, "{limited}");
        lab.run().await;
        let answer = lab.rearm(all()).await;
        assert_eq!(answer.reports[0].outcome, Outcome::Changed, "{limited}: {answer:#?}");
        assert!(!lab.is_released(DENY).await, "{limited}");
    }
    // A workload that opts out freezes its connector, and not the person on call.
    let lab = scoped(world(), &right).await;
    let url = format!("https://run.googleapis.com/v2/projects/{PROJECT}/locations/{REGION}/jobs?jobId=nightly");
    let connector = format!("projects/{PROJECT}/locations/{REGION}/connectors/conn");
    let body = json!({"labels": {"egress-reconciler": "ignore"}, "template": {"template": {"containers": [{"image": "a"}], "vpcAccess": {"connector": connector}}}});
    assert_eq!(lab.call("POST", &url, body).await.status(), 200);
    rest(5).await;
    lab.release(only("conn")).await;
    assert!(lab.is_released(DENY).await);
    assert_eq!(lab.rearm(only("conn")).await.reports[0].outcome, Outcome::Changed);
    assert!(!lab.is_released(DENY).await);
}

#[tokio::test(start_paused = true)]
async fn an_order_is_narrowed() {
    let lab = scoped(world(), &settings("rearm: at-once")).await;
    let other = DenySelector { region: Some("us-east1".to_owned().try_into().unwrap()), ..all() };
    assert!(!lab.release(other).await.found);
    assert!(!lab.release(only("conm")).await.found);
    lab.release(only("sec*")).await;
    assert!(!lab.is_released(DENY).await);
    assert!(lab.is_released("deny-second-europe-west2-egress").await);
    let report = lab.run().await;
    assert_eq!(states(&report), [EgressState::Scoped, EgressState::Disarmed]);
    // Somebody else's order is not taken back with it.
    lab.release(only("conn")).await;
    lab.rearm(only(&format!("projects/{PROJECT}/locations/{REGION}/connectors/second"))).await;
    assert!(lab.is_released(DENY).await);
    assert!(!lab.is_released("deny-second-europe-west2-egress").await);
}

#[tokio::test(start_paused = true)]
async fn other_peoples_denies_stand() {
    let stamp = format!(
        "managed-by=egress-reconciler owner=others self=projects/{PROJECT}/global/firewalls/deny-theirs for=projects/{PROJECT}/locations/{REGION}/connectors/conn"
    );
    let copied = stamp.replace("owner=others", "owner=lab").replace("deny-theirs", "deny-original");
    let world = [("deny-theirs", stamp.as_str()), ("deny-copied", &copied), ("deny-by-hand", "")].into_iter().fold(
        world(),
        |world, (name, description)| {
            let mut document = world.written();
            let rule = json!({
                "name": name, "description": description, "selfLink": format!("projects/{PROJECT}/global/firewalls/{name}"), "network": format!("projects/{PROJECT}/global/networks/my-vpc"),
                "direction": "EGRESS", "targetTags": ["web"], "priority": 60000, "denied": [{"IPProtocol": "all"}], "destinationRanges": ["203.0.113.0/24"],
            });
            let list = &mut document["resources"]["compute.firewalls"];
            let mut rules = list.as_array().cloned().unwrap_or_default();
            rules.push(rule);
            *list = Value::Array(rules);
            World::read(document).unwrap()
        },
    );
    let lab = scoped(world, &settings("rearm: manual")).await;
    lab.release(all()).await;
    assert!(lab.is_released(DENY).await);
    for name in ["deny-theirs", "deny-copied", "deny-by-hand"] {
        assert_eq!(lab.rule(PROJECT, name).await["disabled"], false, "{name}");
    }
}

/// A deny that somebody disabled gets the mark, so that `at-once` leaves it too; one that somebody enabled loses it.
#[tokio::test(start_paused = true)]
async fn a_hand_and_an_order() {
    let lab = scoped(world(), &settings("rearm: manual")).await;
    lab.change(DENY, json!({"disabled": true})).await;
    let answer = lab.release(only("conn")).await;
    assert!(answer.reports[0].steps[0].reason.contains("it was disabled already"), "{answer:#?}");
    assert!(lab.is_released(DENY).await);
    lab.change_policy(&settings("rearm: at-once")).await;
    lab.run().await;
    assert!(lab.is_released(DENY).await);
    lab.change(DENY, json!({"disabled": false})).await;
    let report = lab.run().await;
    assert_eq!(states(&report), [EgressState::Scoped; 2]);
    assert!(!lab.is_released(DENY).await);
    // Without a mark the next hand is undone at once.
    lab.change(DENY, json!({"disabled": true})).await;
    assert_eq!(states(&*lab.run().await), [EgressState::Scoped; 2]);
}

/// `rearm` puts back what a hand took down, too: disabled or deleted.
#[tokio::test(start_paused = true)]
async fn what_a_hand_took_down_is_put_back() {
    let lab = scoped(world(), &settings("rearm: manual")).await;
    lab.change(DENY, json!({"disabled": true})).await;
    let second = format!("{COMPUTE}/projects/{PROJECT}/global/firewalls/deny-second-europe-west2-egress");
    assert_eq!(lab.call("DELETE", &second, Value::Null).await.status(), 200);
    rest(5).await;
    assert_eq!(states(&*lab.run().await), [EgressState::Disarmed; 2]);
    let answer = lab.rearm(all()).await;
    assert_eq!(states(&answer.reports[0]), [EgressState::Scoped; 2], "{answer:#?}");
    assert_eq!(lab.run().await.outcome, Outcome::InSync);
}

#[tokio::test(start_paused = true)]
async fn no_deny_without_its_allows() {
    let lab = scoped(world(), &settings("rearm: manual")).await;
    lab.release(all()).await;
    let allow = "allow-conn-europe-west2-int";
    lab.change_policy(&settings("rearm: manual").replace("mode: enforce", "mode: report")).await;
    lab.change(allow, json!({"disabled": true})).await;
    let answer = lab.rearm(all()).await;
    let report = &answer.reports[0];
    assert_eq!(report.outcome, Outcome::Blocked);
    let note = report.blocked_by.iter().find(|note| note.code.word() == "not-rearmed").unwrap();
    assert!(note.text.contains(allow) && note.text.contains("egress-reconciler apply"), "{}", note.text);
    assert!(lab.is_released(DENY).await);
    assert!(!lab.is_released("deny-second-europe-west2-egress").await, "what can be put back is");
    assert_eq!(lab.rule(PROJECT, allow).await["disabled"], true, "the allow is not this command's");
}

/// A deny that could not be taken down hides no other, and is told with what to do by hand.
#[tokio::test(start_paused = true)]
async fn one_refusal_hides_no_other() {
    let lab = scoped(world(), &settings("rearm: manual")).await;
    let fault = json!({
        "method": "compute.firewalls.patch", "resource": format!("projects/{PROJECT}/global/firewalls/{DENY}"),
        "nth": "all", "kind": "refuse", "status": 403, "reason": "forbidden",
    });
    lab.cloud.inject(serde_json::from_value(fault).unwrap());
    let answer = lab.release(all()).await;
    let report = &answer.reports[0];
    assert_eq!(report.outcome, Outcome::Failed, "{report:#?}");
    assert_eq!(states(report), [EgressState::Disarmed]);
    assert!(lab.is_released("deny-second-europe-west2-egress").await);
    let by_hand = format!("`gcloud compute firewall-rules update {DENY} --disabled --project {PROJECT}`");
    assert!(report.blocked_by.iter().any(|note| note.text.contains(&by_hand)), "{report:#?}");
}

#[tokio::test(start_paused = true)]
async fn only_the_firewall_rules_are_needed() {
    let lab = scoped(world(), &settings("rearm: manual")).await;
    for method in ["vpcaccess.*", "run.*", "compute.regionNetworkFirewallPolicies.*", "compute.routes.*"] {
        let fault = json!({"method": method, "nth": "all", "kind": "refuse", "status": 503});
        lab.cloud.inject(serde_json::from_value(fault).unwrap());
    }
    let answer = lab.release(all()).await;
    let report = &answer.reports[0];
    assert!(lab.is_released(DENY).await);
    assert_eq!(report.outcome, Outcome::Blocked, "not proven, and no error: {report:#?}");
    assert!(report.blocked_by[0].text.contains("not proven that egress of connector conn is open: "), "{report:#?}");
    let unread = json!({"method": "compute.firewalls.list", "nth": "all", "kind": "refuse", "status": 403, "reason": "forbidden"});
    lab.cloud.inject(serde_json::from_value(unread).unwrap());
    let answer = lab.release(all()).await;
    assert_eq!(answer.unread[0].0.as_str(), PROJECT);
}

/// What still closes a path is named: somebody's deny for all of it, for a part of it, or perhaps.
#[tokio::test(start_paused = true)]
async fn a_release_says_what_still_closes_the_path() {
    let rule = |name: &str, tag: &str, from: &[&str]| {
        json!({
            "name": name, "network": format!("projects/{PROJECT}/global/networks/my-vpc"), "direction": "EGRESS", "priority": 65000,
            "denied": [{"IPProtocol": "tcp", "ports": ["25"]}], "targetTags": [tag], "sourceRanges": from,
        })
    };
    let lab = scoped(world(), &settings("rearm: manual")).await;
    let url = format!("{COMPUTE}/projects/{PROJECT}/global/firewalls");
    for body in [
        rule("no-mail", "vpc-connector-europe-west2-conn", &[]),
        rule("no-mail-from-half", "vpc-connector-europe-west2-second", &["10.8.0.16/29"]),
    ] {
        assert_eq!(lab.call("POST", &url, body).await.status(), 200);
    }
    rest(5).await;
    let answer = lab.release(all()).await;
    let report = &answer.reports[0];
    assert_eq!((report.outcome, report.steps.len()), (Outcome::Blocked, 2), "{report:#?}");
    let said = [
        "conn is still closed for what these rules match: no-mail (tcp:25 to ",
        "not proven that egress of connector second is open: no-mail-from-half (tcp:25 to ",
    ];
    for (note, said) in report.blocked_by.iter().zip(said) {
        assert!(note.text.contains(said), "{}", note.text);
    }
}

/// A host's own connector has the name, and so the tag, of a service project's: neither's rules decide over the other.
#[tokio::test(start_paused = true)]
async fn a_host_and_a_service_project_with_one_name() {
    let shared = world().project("host-project", "333333333333").network("host-project", "shared");
    let text = policy(&format!(
        "connector: {{subnet_pools: [10.8.0.0/20], declared: [{{region: {REGION}, name: conn}}, {{project: host-project, region: {REGION}, name: conn}}]}}\nfirewall: {{enforcement: enforce}}\noverrides: [{{match: {{projects: [host-project]}}, firewall: {{enforcement: observe}}}}]\n"
    ))
    .replace("scope: {", "scope: {hosts: [host-project], ")
    .replace("network: {name: my-vpc}", "network: {name: projects/host-project/global/networks/shared}");
    let lab = TestCloud::new(shared, &text);
    let host = || RunRequest::new(Target { project: "host-project".to_owned().try_into().unwrap(), ..lab.target() });
    for _ in 0..2 {
        lab.run().await;
        lab.app.queue.submit(host()).await;
        rest(130).await;
    }
    // The host only watches, and its watch rule lets nothing out of the enforced project.
    assert_eq!(states(&*lab.run().await), [EgressState::Scoped]);
    assert_eq!(states(&*lab.app.queue.submit(host()).await), [EgressState::Observed]);
    let document = lab.cloud.world().written();
    let rules = document["resources"]["compute.firewalls"].as_array().unwrap();
    let egress: Vec<_> = rules.iter().filter(|rule| rule["direction"] == "EGRESS").collect();
    assert_eq!(egress.len(), 10);
    let mut ranges: Vec<_> = egress.iter().map(|rule| rule["sourceRanges"].to_string()).collect();
    ranges.sort();
    ranges.dedup();
    assert_eq!(ranges, [r#"["10.8.0.0/28"]"#, r#"["10.8.0.16/28"]"#], "each rule names its own connector's range");
    assert!(rules.iter().all(|rule| rule["name"].as_str().unwrap().len() > "allow-conn-europe-west2-".len() + 8));
    // Its own deny, once both enforce, keeps nothing of the other's closed.
    lab.change_policy(&text.replace("enforcement: observe", "enforcement: enforce")).await;
    for _ in 0..2 {
        lab.app.queue.submit(host()).await;
        rest(5).await;
    }
    let answer = lab.release(DenySelector { project: Some(PROJECT.to_owned().try_into().unwrap()), ..all() }).await;
    let report = &answer.reports[0];
    assert_eq!((answer.reports.len(), report.steps.len()), (1, 1));
    assert!(released(report)[0].text.contains("egress of connector conn is open: no rule read after"), "{report:#?}");
    assert_eq!(states(&*lab.app.queue.submit(host()).await), [EgressState::Scoped]);
}

/// In a Shared VPC the rules stand in the host project, beside those of other projects.
#[tokio::test(start_paused = true)]
async fn the_rules_of_a_host_project() {
    let shared = world().project("host-project", "333333333333").network("host-project", "shared");
    let text = settings("rearm: at-once")
        .replace("network: {name: my-vpc}", "network: {name: projects/host-project/global/networks/shared}");
    let lab = scoped(shared, &text).await;
    let answer =
        lab.release(DenySelector { project: Some(PROJECT.to_owned().try_into().unwrap()), ..only("conn") }).await;
    let step = answer.reports[0].steps[0].step.to_string();
    let rule = lab.rule("host-project", step.strip_prefix("firewall/").unwrap()).await;
    assert_eq!(rule["disabled"], true, "{rule}");
    rest(5).await;
    assert_eq!(states(&*lab.run().await), [EgressState::Disarmed, EgressState::Scoped]);
    let report: Arc<Report> = Arc::new(lab.rearm(all()).await.reports.remove(0));
    assert_eq!(states(&report), [EgressState::Scoped; 2], "{report:#?}");
}

/// What hardens ingress is a deny of ours, too.
#[tokio::test(start_paused = true)]
async fn hardened_ingress_is_released_too() {
    let lab = scoped(world(), &settings("rearm: at-once, ingress: {harden: true}")).await;
    let inner = "deny-conn-europe-west2-in";
    lab.release(only("conn")).await;
    assert!(lab.is_released(inner).await && lab.is_released(DENY).await);
    let report = lab.run().await;
    assert_eq!(released(&report).len(), 2, "{report:#?}");
    assert!(lab.is_released(inner).await);
    assert_eq!(lab.rearm(all()).await.reports[0].outcome, Outcome::Changed);
    assert!(!lab.is_released(inner).await && !lab.is_released(DENY).await);
    assert_eq!(lab.run().await.outcome, Outcome::InSync);
}
