//! Policies, made by chance.

use std::{fmt, ops::Deref};

use egress_reconciler::domain::policy::{self, Policy};
use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};

/// A policy that shows itself as it is written.
#[derive(Clone)]
pub struct Written {
    document: Value,
    policy: Policy,
}

impl Written {
    pub fn new(document: Value) -> Self {
        let policy = policy::read(&document.to_string()).unwrap_or_else(|error| panic!("{error}"));
        Self { document, policy }
    }

    /// The policy with some keys set.
    pub fn with(&self, over: &Value) -> Self {
        let mut document = self.document.clone();
        for (key, value) in over.as_object().into_iter().flatten() {
            match value {
                Value::Object(keys) => keys.iter().for_each(|(own, value)| document[key][own] = value.clone()),
                value => document[key] = value.clone(),
            }
        }
        Self::new(document)
    }
}

impl Deref for Written {
    type Target = Policy;

    fn deref(&self) -> &Policy {
        &self.policy
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.document)
    }
}

/// `shared`: the network is a Shared VPC host's.
pub fn policies(shared: bool) -> impl Strategy<Value = Written> {
    let network = if shared { "projects/net-host/global/networks/my-vpc" } else { "my-vpc" };
    let mode = || select(vec!["report", "create", "enforce", "enforce"]);
    let overrides = (mode(), firewall(), 0..3_usize).prop_map(|(mode, firewall, kind)| match kind {
        0 => json!([{"match": {"connectors": ["conn-1"]}, "mode": mode}]),
        1 => json!([{"match": {"connectors": ["conn-0"]}, "firewall": firewall}]),
        _ => json!([]),
    });
    (mode(), connector(), nat(), firewall(), select(vec![1, 3, 40]), overrides, any::<bool>()).prop_map(
        move |(mode, connector, nat, firewall, changes, overrides, exempt)| {
            let exemptions = match exempt {
                true => json!([{"connector": "conn-1", "reason": "a migration", "until": "2026-11-25"}]),
                false => json!([]),
            };
            Written::new(json!({
                "version": 1, "owner": "lab", "mode": mode,
                "scope": {"projects": ["demo-project"], "regions": ["europe-west2"]},
                "network": {"name": network},
                "connector": connector, "nat": nat, "firewall": firewall,
                "budget": {"changes_per_run": changes}, "exemptions": exemptions, "overrides": overrides,
            }))
        },
    )
}

fn connector() -> impl Strategy<Value = Value> {
    let declared = select(vec![json!([]), json!([{"region": "europe-west2", "name": "conn-2"}])]);
    let ensure = select(vec!["referenced", "referenced", "declared", "never"]);
    (any::<bool>(), any::<bool>(), select(vec!["never", "7d"]), declared, ensure, select(vec![3_u32, 5])).prop_map(
        |(repair, recreate, prune, declared, ensure, max)| {
            json!({
                "subnet_pools": ["10.8.0.0/24"], "repair": repair, "recreate": recreate, "prune": prune,
                "declared": declared, "ensure": ensure, "max_instances": max,
            })
        },
    )
}

fn nat() -> impl Strategy<Value = Value> {
    (select(vec!["when-needed", "always", "never"]), select(vec!["off", "errors-only", "all"]))
        .prop_map(|(ensure, log)| json!({"ensure": ensure, "log": log}))
}

fn firewall() -> impl Strategy<Value = Value> {
    let internal = select(vec![json!([]), json!(["10.0.0.0/8"]), json!(["10.0.0.0/8", "192.168.0.0/16"])]);
    let (web, dns) = (
        json!({"to": ["0.0.0.0/0"], "ports": ["tcp:443", "tcp:80"]}),
        json!({"to": ["8.8.8.0/24"], "ports": ["udp:53"]}),
    );
    let expiring = json!({"to": ["10.0.0.0/8", "8.8.8.8/32"], "ports": ["tcp"], "expires": "2026-11-25"});
    let internet = select(vec![
        json!([]),
        json!([web]),
        json!([dns, web]),
        json!([web, dns]),
        json!([expiring, web, dns]),
        json!([dns, expiring]),
    ]);
    let ingress = select(vec![
        json!({"harden": false}),
        json!({"harden": true}),
        json!({"harden": true, "allow": [{"to_tags": ["db"], "ports": ["tcp:5432"]}]}),
    ]);
    let rest =
        (select(vec![json!([]), json!(["*"])]), select(vec![json!([]), json!(["foreign-0"])]), any::<bool>(), ingress);
    (
        select(vec!["allow-only", "observe", "enforce", "enforce"]),
        select(vec!["manual", "at-once"]),
        select(vec![200, 900, 1000]),
        any::<bool>(),
        internal,
        internet,
        rest,
    )
        .prop_map(|(enforcement, rearm, base, google_apis, internal, internet, rest)| {
            let (adopt, override_denies, replace_auto, ingress) = rest;
            json!({
                "enforcement": enforcement, "rearm": rearm, "base_priority": base, "google_apis": google_apis,
                "internal": internal, "internet": internet, "adopt": adopt, "override_denies": override_denies,
                "replace_auto": replace_auto, "auto_rules": ["foreign-1"], "ingress": ingress,
            })
        })
}
