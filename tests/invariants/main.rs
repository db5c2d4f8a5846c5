//! What must hold in every world, under every policy, at every prefix of the steps.

mod doing;
mod worlds;

use egress_reconciler::domain::{
    plan::{
        Change, EgressState, Object,
        emergency::{Pick, rearm},
    },
    policy::{Enforcement, Mode},
    reach::{self, Reach, Sender, VerdictKind},
    rules::{Site, rules},
    stamp::Stamp,
    state::{
        firewall::{Firewall, Layer4},
        observed::{FailureKind, Observed, ReadFailure},
    },
};
use proptest::prelude::*;

use self::{
    doing::{decide, interleave, objects, perform, perform_all_but, reach_of, release, settle},
    worlds::{NETWORK, foreign_rules, policies, worlds},
};

fn is_ours(object: &Object) -> bool {
    let description = match object {
        Object::Network(network) => &network.description,
        Object::Subnet(subnet) => &subnet.description,
        Object::Router(router) => &router.description,
        Object::Firewall(rule) => &rule.description,
        // A connector bears no stamp; only growing is ever planned for one that stands.
        Object::Connector(_) => return true,
    };
    Stamp::read(description).is_some_and(|stamp| stamp.owner == "lab")
}

/// All that the policy lets out of a connector.
fn policy_reach(policy: &egress_reconciler::domain::policy::Policy, index: usize) -> Reach {
    if policy.firewall.enforcement != Enforcement::Enforce {
        return Reach::everything();
    }
    let connector = format!("projects/demo-project/locations/europe-west2/connectors/conn-{index}").try_into().unwrap();
    let network = NETWORK.to_owned().try_into().unwrap();
    let site = Site { connector: &connector, network: &network, range: None };
    let set = rules(policy, site, worlds::NOW.parse().unwrap());
    set.iter()
        .filter(|rule| rule.role.is_egress_allow())
        .fold(Reach::default(), |sum, rule| sum.or(&reach::of_rule(&rule.firewall)))
}

/// What foreign denies stop, judged as if no rule of ours stood.
fn foreign_stopped(world: &Observed, index: usize, overridden: &[String]) -> Reach {
    let tag = format!("vpc-connector-europe-west2-conn-{index}");
    let sender = Sender { tag: &tag, range: None };
    let foreign: Vec<&Firewall> =
        world.firewalls.as_ref().unwrap().iter().filter(|rule| Stamp::read(&rule.description).is_none()).collect();
    reach::decide(sender, foreign, world.effective.as_ref().unwrap(), false)
        .into_iter()
        .filter(|verdict| verdict.kind == VerdictKind::Deny && !overridden.contains(&verdict.by))
        .fold(Reach::default(), |sum, verdict| sum.or(&verdict.packets))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_settled_world_has_an_empty_plan(policy in policies(), mut world in worlds()) {
        let steps = settle(&policy, &mut world, policy.budget.changes_per_run);
        prop_assert!(steps.is_some(), "does not come to rest");
        prop_assert!(decide(&policy, &world, 1000).steps.is_empty());
        if policy.mode < Mode::Create {
            prop_assert!(steps.unwrap().is_empty());
        }
    }

    #[test]
    fn list_order_changes_nothing(policy in policies(), world in worlds(), seed in any::<u64>()) {
        let mut shuffled = world.clone();
        let by = |name: &str| blake(seed, name);
        shuffled.jobs.as_mut().unwrap().sort_by_key(|job| by(&job.name));
        shuffled.firewalls.as_mut().unwrap().sort_by_key(|rule| by(&rule.name));
        shuffled.connectors.as_mut().unwrap().sort_by_key(|connector| by(&connector.name));
        shuffled.subnets.as_mut().unwrap().sort_by_key(|subnet| by(&subnet.name));
        prop_assert_eq!(decide(&policy, &world, 1000), decide(&policy, &shuffled, 1000));
    }

    #[test]
    fn only_what_is_ours_is_changed(before in policies(), after in policies(), mut world in worlds(), released in any::<bool>()) {
        settle(&before, &mut world, 1000);
        if released {
            release(&before, &mut world);
        }
        for step in decide(&after, &world, 1000).steps {
            if let Some(object) = step.change.before() {
                prop_assert!(is_ours(object), "{} changes what is not ours", step.id);
            }
            if let Some(Object::Firewall(rule)) = step.change.after() {
                prop_assert!(rule.priority > 100 && !rule.target_tags.is_empty());
                prop_assert!(rule.target_tags.iter().all(|tag| tag.starts_with("vpc-connector-")), "{:?}", rule.target_tags);
            }
            if after.mode == Mode::Create {
                prop_assert!(!matches!(step.change, Change::Repair { .. } | Change::Delete(_)), "{} in mode create", step.id);
            }
        }
    }

    #[test]
    fn no_door_is_opened_and_none_shut_by_surprise(
        before in policies(),
        after in policies(),
        mut world in worlds(),
        released in any::<bool>(),
        later in proptest::collection::vec(foreign_rules(), 0..2),
    ) {
        // The world comes to rest under one policy, somebody adds rules, and the policy changes.
        settle(&before, &mut world, 1000);
        if released {
            release(&before, &mut world);
        }
        let added = later.into_iter().enumerate().map(|(index, rule)| Firewall { name: format!("later-{index}"), ..rule });
        world.firewalls.as_mut().unwrap().extend(added);
        let start = world.clone();
        let mut end = world.clone();
        let steps = settle(&after, &mut end, after.budget.changes_per_run);
        prop_assert!(steps.is_some());
        for index in 0..3 {
            let (first, last) = (reach_of(&start, index), reach_of(&end, index));
            let most = policy_reach(&after, index).or(&first);
            let least = first.and(&last);
            let stopped = foreign_stopped(&start, index, &after.firewall.override_denies).without(&first);
            let mut world = start.clone();
            for step in steps.as_ref().unwrap() {
                perform(&mut world, step);
                let now = reach_of(&world, index);
                prop_assert!(most.contains(&now), "conn-{} reaches more than the policy after {}", index, step.id);
                prop_assert!(now.contains(&least), "conn-{} loses what it had and keeps in the end, after {}", index, step.id);
                prop_assert!(!now.overlaps(&stopped), "conn-{} reaches what somebody's deny stops, after {}", index, step.id);
            }
        }
    }

    #[test]
    fn scoped_is_told_only_of_what_is(before in policies(), after in policies(), mut world in worlds(), drift in any::<bool>()) {
        settle(&before, &mut world, 1000);
        if drift && let Some(own) = world.firewalls.as_mut().unwrap().iter_mut().find(|rule| rule.name.starts_with("allow-")) {
            own.allowed = vec![Layer4 { protocol: "all".into(), ports: Vec::new() }];
            own.destination_ranges = vec!["0.0.0.0/0".into()];
        }
        settle(&after, &mut world, 1000);
        for egress in decide(&after, &world, 1000).egress.iter().filter(|egress| egress.state == EgressState::Scoped) {
            let index = egress.connector.name.as_str().trim_start_matches("conn-").parse().unwrap();
            let most = policy_reach(&after, index);
            prop_assert!(most.contains(&reach_of(&world, index)), "{} is told to be scoped", egress.connector.name);
        }
    }

    #[test]
    fn released_denies_stay_down_until_rearmed(before in policies(), after in policies(), mut world in worlds()) {
        settle(&before, &mut world, 1000);
        let reach = [0, 1, 2].map(|index| reach_of(&world, index));
        let released = release(&before, &mut world);
        prop_assert!(settle(&after, &mut world, 1000).is_some());
        let standing = |world: &Observed| -> Vec<Firewall> {
            let rules = world.firewalls.as_ref().unwrap().iter();
            rules.filter(|rule| released.contains(&rule.name)).cloned().collect()
        };
        for rule in standing(&world) {
            prop_assert!(rule.disabled, "{} is back without `rearm`", rule.name);
        }
        // Under the first policy again, the order puts back what stands, and opens nothing.
        prop_assert!(settle(&before, &mut world, 1000).is_some());
        let open = [0, 1, 2].map(|index| reach_of(&world, index));
        let plan = rearm(&before, &world, &Pick::default());
        for step in &plan.steps {
            prop_assert!(step.change.before().or(step.change.after()).is_some_and(is_ours) && step.id.0.contains("/deny-"));
            perform(&mut world, step);
        }
        for (index, open) in open.iter().enumerate() {
            let now = reach_of(&world, index);
            prop_assert!(open.contains(&now), "conn-{} reaches more after `rearm`", index);
            prop_assert!(now.contains(&reach[index].and(open)), "conn-{} reaches less than before `release`", index);
        }
        for rule in standing(&world).iter().filter(|rule| rule.disabled) {
            let told = plan.blocked_by.iter().chain(&plan.findings).any(|note| note.object.ends_with(&rule.name));
            prop_assert!(told, "{} stays down and nobody is told", rule.name);
        }
        prop_assert!(rearm(&before, &world, &Pick::default()).steps.is_empty());
    }

    #[test]
    fn unread_workloads_lead_to_no_deny_and_no_repair(before in policies(), after in policies(), mut world in worlds(), which in 0..3_usize) {
        settle(&before, &mut world, 1000);
        let failure = || ReadFailure { call: "a.list".into(), kind: FailureKind::Transient, message: "503".into() };
        match which {
            0 => world.jobs = Err(failure()),
            1 => world.services = Err(failure()),
            _ => world.worker_pools = Err(failure()),
        }
        for step in decide(&after, &world, 1000).steps {
            let repairs = matches!(step.change, Change::Repair { .. } | Change::Delete(_));
            prop_assert!(!repairs && !step.id.0.contains("/deny-"), "{} {}", step.change.verb().word(), step.id);
        }
    }

    #[test]
    fn a_step_that_fails_once_changes_nothing_in_the_end(policy in policies(), world in worlds(), which in 0..12_usize) {
        let mut undisturbed = world.clone();
        settle(&policy, &mut undisturbed, 1000);
        let mut disturbed = world.clone();
        let steps = decide(&policy, &world, 1000).steps;
        let Some(failing) = steps.get(which) else { return Ok(()) };
        perform_all_but(&mut disturbed, &steps, &failing.id);
        for index in 0..3 {
            let most = policy_reach(&policy, index).or(&reach_of(&world, index));
            prop_assert!(most.contains(&reach_of(&disturbed, index)), "conn-{} reaches more without {}", index, failing.id);
        }
        prop_assert!(settle(&policy, &mut disturbed, 1000).is_some(), "does not come to rest without {}", failing.id);
        prop_assert_eq!(objects(&disturbed), objects(&undisturbed));
    }

    #[test]
    fn two_instances_interleaved_end_in_the_same_world(policy in policies(), world in worlds(), turns in proptest::collection::vec(any::<bool>(), 40)) {
        let mut alone = world.clone();
        settle(&policy, &mut alone, 1000);
        let mut shared = world;
        interleave(&policy, &mut shared, &turns);
        // One more run each.
        prop_assert!(settle(&policy, &mut shared, 1000).is_some());
        prop_assert!(decide(&policy, &shared, 1000).steps.is_empty());
        prop_assert_eq!(objects(&shared), objects(&alone));
    }

    #[test]
    fn a_failed_read_leads_to_no_step_that_needs_it(policy in policies(), world in worlds(), which in 0..7_usize) {
        let failure = || ReadFailure { call: "a.list".into(), kind: FailureKind::Transient, message: "503".into() };
        let mut blind = world;
        let kinds: &[&str] = match which {
            0 => { blind.connectors = Err(failure()); &["subnet", "connector", "router", "firewall"] }
            1 => { blind.subnets = Err(failure()); &["subnet", "connector", "router", "firewall"] }
            2 => { blind.routers = Err(failure()); &["router"] }
            3 => { blind.firewalls = Err(failure()); &["firewall"] }
            4 => { blind.effective = Err(failure()); &["firewall"] }
            5 => { blind.routes = Err(failure()); &["subnet", "router"] }
            _ => { blind.address_space = Some(Err(failure())); &["subnet"] }
        };
        for step in decide(&policy, &blind, 1000).steps {
            prop_assert!(!kinds.contains(&step.id.0.split('/').next().unwrap()), "{} without having read what it needs", step.id);
        }
    }
}

/// An order that depends on the seed alone.
fn blake(seed: u64, name: &str) -> String {
    egress_reconciler::domain::names::short_hash(&format!("{seed}{name}"))
}
