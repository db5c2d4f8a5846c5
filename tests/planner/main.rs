//! The planner in ten tables. Each row says what it shows, what of the policy differs, what was seen, and what is to be done:
//! nothing else decides.
//!
//! A look begins with an empty network that has a default route, and is changed by documents of Google's. `rests` is what
//! the policy has made of it.

mod look;
#[path = "../support/mod.rs"]
mod support;

use egress_reconciler::domain::{
    plan::Step,
    planner::break_glass::{self, DenySelector},
    stamp::{RELEASED_FOR, Release},
    state::{
        observed::Observed,
        read::{FailureKind, ReadFailure},
    },
};
use look::{Look, Uses, check, lines, policy};
use serde_json::json;

const ALLOW_ONLY: &str = "{firewall: {enforcement: allow-only}}";
const INFRA: &str = "allow-conn-europe-west2-infra";
const LETS_OUT: &str = "allow-conn-europe-west2-egress";
const DENY: &str = "deny-conn-europe-west2-egress";

/// A job that sends all its traffic through a connector that does not exist.
fn job() -> Look {
    Look::empty().workload("nightly", Uses::All("conn"))
}

/// A job whose connector others created.
fn by_hand() -> Look {
    job().subnet("by-hand", "10.9.0.0/28").connector("conn", "by-hand", "READY")
}

/// What waits for what, where nothing exists yet: each step for its real needs alone.
#[test]
fn steps_wait_for_what_they_need() {
    let absent = ReadFailure {
        call: "compute.regionNetworkFirewallPolicies.getEffectiveFirewalls".into(),
        kind: FailureKind::Absent,
        message: "not found".into(),
        consumer: None,
    };
    let nothing = job().with(|seen| (seen.network, seen.effective) = (Some(Ok(None)), Err(absent)));
    let waits = |look: &Look, more: &str| -> Vec<String> {
        let plan = look.plan(&policy(more));
        let words = |step: &Step| {
            let after: Vec<String> = step.after.iter().map(ToString::to_string).collect();
            format!("{} after {}", step.id, after.join(", "))
        };
        plan.steps.iter().map(words).collect()
    };
    let expected = [
        "network/my-vpc after ",
        "subnet/egress-conn-europe-west2 after network/my-vpc",
        "connector/conn after subnet/egress-conn-europe-west2",
        "router/egress-my-vpc-europe-west2 after subnet/egress-conn-europe-west2",
        "firewall/allow-conn-europe-west2-infra after network/my-vpc",
        "firewall/allow-conn-europe-west2-gapi after network/my-vpc",
        "firewall/allow-conn-europe-west2-int after network/my-vpc",
        "firewall/allow-conn-europe-west2-egress after network/my-vpc",
    ];
    assert_eq!(waits(&nothing, "{network: {create: true}}"), expected);
    // On a Shared VPC host a rule names the connector's range, which Google may refuse.
    let on_host = waits(&job(), "{scope: {hosts: [demo-project]}}");
    let rules: Vec<_> = on_host.iter().filter(|line| line.starts_with("firewall/")).collect();
    assert_eq!(rules.len(), 4, "{on_host:#?}");
    let subnet = on_host.iter().find(|line| line.starts_with("subnet/")).unwrap().trim_end_matches(" after ");
    assert!(rules.iter().all(|line| line.ends_with(&format!(" after {subnet}"))), "{on_host:#?}");
}

#[test]
fn who_needs_a_connector() {
    check(&[
        ("nobody", "{}", Look::empty(), &[]),
        (
            "a job",
            "{}",
            job(),
            &[
                "create subnet/egress-conn-europe-west2",
                "create connector/conn",
                "create router/egress-my-vpc-europe-west2",
                "create firewall/allow-conn-europe-west2-infra",
                "create firewall/allow-conn-europe-west2-gapi",
                "create firewall/allow-conn-europe-west2-int",
                "create firewall/allow-conn-europe-west2-egress",
                "withheld (allows-first) create firewall/deny-conn-europe-west2-egress",
            ],
        ),
        (
            "the policy",
            "{connector: {declared: [{region: europe-west2, name: conn}]}}",
            Look::empty(),
            &[
                "create subnet/egress-conn-europe-west2",
                "create connector/conn",
                "create firewall/allow-conn-europe-west2-infra",
                "create firewall/allow-conn-europe-west2-gapi",
                "create firewall/allow-conn-europe-west2-int",
                "create firewall/allow-conn-europe-west2-egress",
                "withheld (allows-first) create firewall/deny-conn-europe-west2-egress",
            ],
        ),
        (
            "a name that the policy does not allow",
            "{connector: {names: ['team-*']}}",
            job(),
            &["blocked [name-not-allowed] connector/conn"],
        ),
        (
            "a job that opts out",
            "{}",
            job().with(|seen| seen.jobs.as_mut().unwrap()[0].ignored = true),
            &["blocked [frozen] connector/conn"],
        ),
    ]);
}

#[test]
fn the_network() {
    let without = || job().with(|seen| seen.network = Some(Ok(None))).with(|seen| seen.routes = Ok(Vec::new()));
    check(&[
        ("it does not exist", "{}", without(), &["blocked [network-missing] network/my-vpc"]),
        (
            "it may be created",
            "{network: {create: true}}",
            without(),
            &[
                "create network/my-vpc",
                "create subnet/egress-conn-europe-west2",
                "create connector/conn",
                "create router/egress-my-vpc-europe-west2",
                "create firewall/allow-conn-europe-west2-infra",
                "create firewall/allow-conn-europe-west2-gapi",
                "create firewall/allow-conn-europe-west2-int",
                "create firewall/allow-conn-europe-west2-egress",
                "withheld (allows-first) create firewall/deny-conn-europe-west2-egress",
                "finding [no-default-route] network/my-vpc",
            ],
        ),
    ]);
}

#[test]
fn the_subnet() {
    let only = "{connector: {subnet_pools: [10.8.0.0/28]}, firewall: {enforcement: allow-only}}";
    check(&[
        (
            "the only /28 is taken",
            only,
            job().subnet("theirs", "10.8.0.0/28"),
            &["blocked [pool-exhausted] connector/conn"],
        ),
        (
            "its name is taken",
            ALLOW_ONLY,
            job().subnet("egress-conn-europe-west2", "10.9.0.0/28"),
            &["blocked [name-taken] subnet/egress-conn-europe-west2"],
        ),
    ]);
}

#[test]
fn the_connector() {
    let state = |state| job().subnet("by-hand", "10.9.0.0/28").connector("conn", "by-hand", state);
    check(&[
        (
            "Google is creating it",
            ALLOW_ONLY,
            state("CREATING"),
            &[
                "create router/egress-my-vpc-europe-west2",
                "waiting [connector-creating] connector/conn",
                "finding [unmanaged] connector/conn",
                "egress conn: unmanaged",
            ],
        ),
        ("others' is in ERROR", ALLOW_ONLY, state("ERROR"), &["blocked [connector-error] connector/conn"]),
        (
            "ours is in ERROR",
            ALLOW_ONLY,
            job().rests(ALLOW_ONLY).with(|seen| {
                seen.connectors.as_mut().unwrap()[0].state = serde_json::from_value(json!("ERROR")).unwrap();
            }),
            &["blocked [connector-error] connector/conn", "egress conn: allow-only"],
        ),
    ]);
}

#[test]
fn the_gateway() {
    let router =
        |nat| json!({"name": "theirs", "network": "projects/demo-project/global/networks/my-vpc", "nats": [nat]});
    let all = router(
        json!({"name": "nat", "type": "PUBLIC", "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES"}),
    );
    let private = Look::empty().workload("nightly", Uses::Private("conn")).subnet("by-hand", "10.9.0.0/28");
    let appliance = json!({
        "name": "appliance", "network": "projects/demo-project/global/networks/my-vpc", "destRange": "0.0.0.0/0",
        "priority": 100, "nextHopIp": "10.1.1.1",
    });
    check(&[
        (
            "all traffic needs one",
            "{}",
            by_hand(),
            &[
                "create router/egress-my-vpc-europe-west2",
                "finding [unmanaged] connector/conn",
                "egress conn: unmanaged",
            ],
        ),
        (
            "private ranges need none",
            "{}",
            private.connector("conn", "by-hand", "READY"),
            &["finding [unmanaged] connector/conn", "egress conn: unmanaged"],
        ),
        (
            "others' is enough",
            "{}",
            by_hand().add("routers", all),
            &["finding [unmanaged] connector/conn", "egress conn: unmanaged"],
        ),
        (
            "an appliance is enough",
            "{}",
            by_hand().add("routes", appliance),
            &[
                "finding [default-route-appliance] route/appliance",
                "finding [unmanaged] connector/conn",
                "egress conn: unmanaged",
            ],
        ),
        (
            "ours lost its list",
            "{}",
            by_hand().rests("{}").with(|seen| seen.routers.as_mut().unwrap()[0].nats.clear()),
            &[
                "extend router/egress-my-vpc-europe-west2",
                "finding [unmanaged] connector/conn",
                "egress conn: unmanaged",
            ],
        ),
    ]);
}

#[test]
fn allows_before_the_deny() {
    let adopt = "{firewall: {adopt: ['*']}}";
    let allowed = by_hand().rests("{firewall: {adopt: ['*'], enforcement: allow-only}}");
    let open = json!({"name": "open", "priority": 500, "allowed": [{"IPProtocol": "all"}], "destinationRanges": ["0.0.0.0/0"]});
    check(&[
        (
            "others' connector gets no rule",
            "{}",
            by_hand().rests("{}"),
            &["finding [unmanaged] connector/conn", "egress conn: unmanaged"],
        ),
        (
            "an adopted one gets its allows",
            adopt,
            by_hand(),
            &[
                "create router/egress-my-vpc-europe-west2",
                "create firewall/allow-conn-europe-west2-infra",
                "create firewall/allow-conn-europe-west2-gapi",
                "create firewall/allow-conn-europe-west2-int",
                "create firewall/allow-conn-europe-west2-egress",
                "withheld (allows-first) create firewall/deny-conn-europe-west2-egress",
            ],
        ),
        (
            "and then its deny",
            adopt,
            allowed.clone(),
            &["create firewall/deny-conn-europe-west2-egress", "egress conn: allow-only"],
        ),
        ("in sync", adopt, by_hand().rests(adopt), &["egress conn: scoped"]),
        (
            "a rule of others in front of it",
            adopt,
            by_hand().rests(adopt).rule(open),
            &["blocked [shadowed] connector/conn", "egress conn: shadowed"],
        ),
    ]);
}

#[test]
fn what_others_changed() {
    let rests = || job().rests("{}");
    let manual = "{firewall: {rearm: manual}}";
    let at_once = "{firewall: {rearm: at-once}}";
    check(&[
        (
            "a range of an allow",
            "{}",
            rests().changed(INFRA, &json!({"destinationRanges": ["35.199.224.0/20"]})),
            &["repair firewall/allow-conn-europe-west2-infra", "egress conn: scoped"],
        ),
        (
            "the deny, under manual",
            manual,
            rests().changed(DENY, &json!({"disabled": true})),
            &["blocked [disarmed] firewall/deny-conn-europe-west2-egress", "egress conn: disarmed"],
        ),
        (
            "the deny, under at-once",
            at_once,
            rests().changed(DENY, &json!({"disabled": true})),
            &["repair firewall/deny-conn-europe-west2-egress", "egress conn: disarmed"],
        ),
        (
            "our stamp",
            "{}",
            rests().changed(DENY, &json!({"description": "mine"})),
            &[
                "blocked [foreign-deny] firewall/allow-conn-europe-west2-egress",
                "blocked [foreign-deny] firewall/allow-conn-europe-west2-gapi",
                "blocked [foreign-deny] firewall/allow-conn-europe-west2-infra",
                "blocked [foreign-deny] firewall/allow-conn-europe-west2-int",
                "blocked [name-taken] firewall/deny-conn-europe-west2-egress",
                "egress conn: allow-only",
            ],
        ),
    ]);
}

#[test]
fn what_holds_changes_back() {
    let drifted = || job().rests("{}").changed(INFRA, &json!({"priority": 800}));
    let failure = |call: &str| ReadFailure {
        call: call.into(),
        kind: FailureKind::Transient,
        message: "backendError".into(),
        consumer: None,
    };
    let drifted_allow = || job().rests(ALLOW_ONLY).changed(LETS_OUT, &json!({"priority": 800}));
    let unread_users = |seen: &mut Observed| seen.services = Err(failure("run.services.list"));
    check(&[
        (
            "mode report",
            "{mode: report}",
            job(),
            &[
                "withheld (allows-first) create firewall/deny-conn-europe-west2-egress",
                "withheld (mode) create subnet/egress-conn-europe-west2",
                "withheld (mode) create connector/conn",
                "withheld (mode) create router/egress-my-vpc-europe-west2",
                "withheld (mode) create firewall/allow-conn-europe-west2-infra",
                "withheld (mode) create firewall/allow-conn-europe-west2-gapi",
                "withheld (mode) create firewall/allow-conn-europe-west2-int",
                "withheld (mode) create firewall/allow-conn-europe-west2-egress",
            ],
        ),
        (
            "mode create repairs nothing",
            "{mode: create}",
            drifted(),
            &["withheld (mode) repair firewall/allow-conn-europe-west2-infra", "egress conn: scoped"],
        ),
        (
            "a budget of one",
            "{}",
            job().budget(1),
            &[
                "create subnet/egress-conn-europe-west2",
                "withheld (allows-first) create firewall/deny-conn-europe-west2-egress",
                "withheld (budget) create connector/conn",
                "withheld (budget) create router/egress-my-vpc-europe-west2",
                "withheld (budget) create firewall/allow-conn-europe-west2-infra",
                "withheld (budget) create firewall/allow-conn-europe-west2-gapi",
                "withheld (budget) create firewall/allow-conn-europe-west2-int",
                "withheld (budget) create firewall/allow-conn-europe-west2-egress",
            ],
        ),
        (
            "a list that could not be read",
            ALLOW_ONLY,
            by_hand().with(|seen| seen.routers = Err(failure("compute.routers.list"))),
            &["finding [unmanaged] connector/conn", "egress conn: unmanaged"],
        ),
        (
            "users that could not be read: an allow is put right",
            ALLOW_ONLY,
            drifted_allow().with(unread_users),
            &["repair firewall/allow-conn-europe-west2-egress", "egress conn: allow-only"],
        ),
        (
            "users that could not be read: nothing is denied for the first time",
            "{}",
            drifted_allow().with(unread_users),
            &[
                "repair firewall/allow-conn-europe-west2-egress",
                "finding [frozen] connector/conn",
                "egress conn: allow-only",
            ],
        ),
    ]);
}

/// A deny for another connector lost its tags, so it is in force for all: what our allows keep open stays until it is gone.
#[test]
fn a_deny_that_lost_its_tags() {
    let gone = policy("{firewall: {enforcement: allow-only, internet: []}}");
    let stray = "deny-second-europe-west2-egress";
    let both = job().workload("weekly", Uses::All("second")).rests("{}").changed(stray, &json!({"targetTags": []}));
    let lets_out = "firewall/allow-conn-europe-west2-egress";
    let plan = lines(&both.plan(&gone));
    assert!(plan.contains(&format!("withheld (allows-first) delete {lets_out}")), "{plan:#?}");
    assert!(plan.contains(&format!("delete firewall/{stray}")), "{plan:#?}");

    let after = both.with(|seen| seen.firewalls.as_mut().unwrap().retain(|rule| rule.name != stray));
    assert!(lines(&after.plan(&gone)).contains(&format!("delete {lets_out}")));
}

/// Rules that leave, and Google's lists may have any order.
#[test]
fn the_order_of_a_list_changes_nothing() {
    let gone = "{firewall: {enforcement: allow-only, google_apis: false, internal: [], internet: []}}";
    // Allows that are behind the deny go before it.
    let rests = job().rests("{}").changed(DENY, &json!({"priority": 800}));
    let turned = rests.clone().with(|seen| seen.firewalls.as_mut().unwrap().reverse());
    let (plan, other) = (rests.plan(&policy(gone)), turned.plan(&policy(gone)));
    assert_eq!(plan, other);
    assert!(plan.steps.len() > 2, "{:?}", lines(&plan));
}

#[test]
fn what_nobody_uses_any_more() {
    let prune = "{connector: {prune: 7d}}";
    let unused = || job().rests(prune).idle();
    check(&[
        ("nothing is deleted without prune", "{}", unused(), &["finding [idle] connector/conn", "egress conn: scoped"]),
        (
            "first it is marked",
            prune,
            unused(),
            &["extend firewall/allow-conn-europe-west2-infra", "finding [idle] connector/conn", "egress conn: scoped"],
        ),
        ("a week later it goes", prune, unused().rests(prune).later(8), &["delete connector/conn"]),
    ]);
}

/// Break glass: `release` and `rearm` plan with nothing but our denies.
#[test]
fn break_glass_on_the_deny() {
    let (policy, all) = (policy("{}"), DenySelector::default());
    let rests = job().rests("{}");
    let release = Release::new("alice@example.com", rests.seen.at, RELEASED_FOR);
    let plans = break_glass::release(&policy, &look::project(), rests.seen.firewalls.as_ref().unwrap(), &all, &release);
    assert_eq!(plans.iter().flat_map(lines).collect::<Vec<_>>(), [format!("repair firewall/{DENY}")]);

    let mut released = rests;
    for step in plans.iter().flat_map(|plan| &plan.steps) {
        released.done(&step.change);
    }
    let left_alone = [format!("finding [released] firewall/{DENY}"), "egress conn: disarmed".to_owned()];
    assert_eq!(lines(&released.plan(&policy)), left_alone, "a run leaves it down");
    let rearmed = [format!("repair firewall/{DENY}"), "egress conn: disarmed".to_owned()];
    assert_eq!(lines(&break_glass::rearm(&policy, &released.seen, &all)), rearmed);
}
