//! How a row is written and compared.

use egress_reconciler::domain::{
    demand::demand,
    design::design,
    names::ProjectId,
    plan::{Change, Limits, Object, Plan, PlanContext},
    planner,
    policy::{self, Policy},
    state::{
        observed::Observed,
        read::Read,
        workload::{Workload, WorkloadKind},
    },
};
use serde_json::{Value, json};

use crate::support::{self, merged};

const POLICY: &str =
    "{version: 1, owner: lab, mode: enforce, scope: {projects: [demo-project], regions: [europe-west2]},
    network: {name: my-vpc}, connector: {subnet_pools: [10.8.0.0/20]}, firewall: {enforcement: enforce}}";

/// What it is, what of the policy differs, what was seen, and what is to be done.
pub type Row<'a> = (&'a str, &'a str, Look, &'a [&'a str]);

pub fn policy(more: &str) -> Policy {
    let read = |text: &str| serde_saphyr::from_str::<Value>(text).unwrap();
    policy::read(&merged(read(POLICY), &read(more)).to_string()).unwrap()
}

/// What a workload sends through which connector.
pub enum Uses {
    All(&'static str),
    Private(&'static str),
}

/// One look at the region.
#[derive(Clone)]
pub struct Look {
    pub seen: Observed,
    changes: u32,
}

impl Look {
    pub fn empty() -> Self {
        Self { seen: support::empty_look("my-vpc"), changes: 40 }
    }

    pub fn workload(mut self, name: &str, uses: Uses) -> Self {
        let (connector, egress) = match uses {
            Uses::All(connector) => (connector, "ALL_TRAFFIC"),
            Uses::Private(connector) => (connector, "PRIVATE_RANGES_ONLY"),
        };
        let workload = Workload::by_connector(WorkloadKind::Job, name, connector, egress);
        self.seen.jobs.as_mut().unwrap().push(workload);
        self
    }

    pub fn idle(mut self) -> Self {
        self.seen.jobs = Ok(Vec::new());
        self
    }

    pub fn later(mut self, days: i64) -> Self {
        self.seen.at += jiff::SignedDuration::from_hours(24 * days);
        self
    }

    pub fn subnet(self, name: &str, range: &str) -> Self {
        self.add(
            "subnets",
            json!({
                "name": name, "network": "projects/demo-project/global/networks/my-vpc", "ipCidrRange": range,
                "privateIpGoogleAccess": true, "creationTimestamp": "2026-11-01T12:00:00Z",
            }),
        )
    }

    pub fn connector(self, name: &str, subnet: &str, state: &str) -> Self {
        self.add(
            "connectors",
            json!({
                "name": format!("projects/demo-project/locations/europe-west2/connectors/{name}"), "state": state,
                "subnet": {"name": subnet}, "machineType": "e2-micro", "minInstances": 2, "maxInstances": 3,
            }),
        )
    }

    pub fn rule(self, document: Value) -> Self {
        let base =
            json!({"network": "projects/demo-project/global/networks/my-vpc", "direction": "EGRESS", "priority": 1000});
        self.add("firewalls", merged(base, &document))
    }

    /// A document as Google's list has it.
    pub fn add(mut self, list: &str, document: Value) -> Self {
        fn push<T: serde::de::DeserializeOwned>(list: &mut Read<Vec<T>>, document: Value) {
            list.as_mut().unwrap().push(serde_json::from_value(document).unwrap());
        }
        let seen = &mut self.seen;
        match list {
            "subnets" => push(&mut seen.subnets, document),
            "connectors" => push(&mut seen.connectors, document),
            "routers" => push(&mut seen.routers, document),
            "firewalls" => push(&mut seen.firewalls, document),
            "routes" => push(&mut seen.routes, document),
            _ => panic!("{list}: no such list"),
        }
        self
    }

    /// Somebody changes a rule.
    pub fn changed(mut self, name: &str, patch: &Value) -> Self {
        let rules = self.seen.firewalls.as_mut().unwrap();
        let rule = rules.iter_mut().find(|rule| rule.name == name).unwrap_or_else(|| panic!("no rule {name}"));
        *rule = serde_json::from_value(merged(serde_json::to_value(&*rule).unwrap(), patch)).unwrap();
        self
    }

    /// A change of the look that no document says.
    pub fn with(mut self, change: impl FnOnce(&mut Observed)) -> Self {
        change(&mut self.seen);
        self
    }

    /// How many changes are left of the budget.
    pub fn budget(self, changes: u32) -> Self {
        Self { changes, ..self }
    }

    /// What is seen when the policy has nothing left to do.
    pub fn rests(mut self, under: &str) -> Self {
        let policy = policy(under);
        for _ in 0..9 {
            let plan = self.plan(&policy);
            for step in &plan.steps {
                self.done(&step.change);
            }
            if plan.steps.is_empty() {
                return self;
            }
        }
        panic!("no rest: {:#?}", lines(&self.plan(&policy)));
    }

    pub fn plan(&self, policy: &Policy) -> Plan {
        let limits = Limits { changes: self.changes, key: "budget.changes_per_run" };
        let context = PlanContext { limits, ..PlanContext::default() };
        let demand = demand(policy, &self.seen, &[], self.seen.at);
        let blueprint = design(policy, &self.seen, &demand, &context.history);
        planner::plan(policy, &self.seen, &demand, &blueprint, &context)
    }

    pub fn done(&mut self, change: &Change) {
        fn put<T>(list: &mut Read<Vec<T>>, name: impl Fn(&T) -> bool, object: Option<T>) {
            let list = list.as_mut().unwrap();
            list.retain(|other| !name(other));
            list.extend(object);
        }
        let gone = matches!(change, Change::Delete(_));
        let Some(object) = change.after().or(change.before()).cloned() else { return };
        let (name, seen) = (object.name().to_owned(), &mut self.seen);
        match object {
            Object::Network(_) => seen.network = Some(Ok(Some(Default::default()))),
            Object::Subnet(new) => put(&mut seen.subnets, |old| old.name == name, (!gone).then_some(new)),
            Object::Router(new) => put(&mut seen.routers, |old| old.name == name, (!gone).then_some(new)),
            Object::Firewall(new) => put(&mut seen.firewalls, |old| old.name == name, (!gone).then_some(new)),
            Object::Connector(mut new) => {
                new.state = serde_json::from_value(json!("READY")).unwrap();
                put(&mut seen.connectors, |old| old.name == new.name, (!gone).then(|| new.clone()));
            }
        }
    }
}

/// A plan, a line for each thing that it says.
pub fn lines(plan: &Plan) -> Vec<String> {
    let steps = plan.steps.iter().map(|step| format!("{} {}", step.change.verb().word(), step.id));
    let held = plan.withheld.iter().map(|held| {
        let why = serde_json::to_value(held.why).unwrap();
        format!("withheld ({}) {} {}", why.as_str().unwrap(), held.verb.word(), held.step)
    });
    let notes = [("waiting", &plan.waiting_on), ("blocked", &plan.blocked_by), ("finding", &plan.findings)];
    let notes = notes
        .iter()
        .flat_map(|(word, notes)| notes.iter().map(move |note| format!("{word} [{}] {}", note.code, note.object)));
    let egress = plan.egress.iter().map(|egress| format!("egress {}: {}", egress.name(), egress.state.word()));
    steps.chain(held).chain(notes).chain(egress).collect()
}

pub fn check(rows: &[Row<'_>]) {
    let mut wrong = String::new();
    for (name, more, look, expected) in rows {
        let found = lines(&look.plan(&policy(more)));
        if found != *expected {
            wrong += &format!("{name}: {found:#?}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

pub fn project() -> ProjectId {
    "demo-project".to_owned().try_into().unwrap()
}
