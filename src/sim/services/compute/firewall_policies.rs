//! Firewall policies: hierarchical, global and regional; they take part in the effective firewalls. Network policies are
//! managed through the API; hierarchical ones come from the world file, since organizations are not simulated.
//! <https://cloud.google.com/firewall/docs/firewall-policies-overview>

use serde_json::{Map, Value, json};

use crate::sim::{
    api::{
        errors::Refusal,
        fields::{self, Field, any, choice, flag, int, link, text},
        fingerprint, links,
        service::Service,
    },
    store::{
        documents::Accepted,
        kind::{Audited, CustomMethod, Draft, Kind, Rules},
    },
};

use super::references;

/// Associated with an organization or a folder above the projects of the world.
pub static HIERARCHICAL: Kind = Kind {
    collection: "compute.firewallPolicies",
    segment: "hierarchicalFirewallPolicies",
    regional: false,
    methods: "compute.firewallPolicies",
    ..POLICY
};

pub static GLOBAL: Kind = Kind {
    collection: "compute.networkFirewallPolicies",
    regional: false,
    methods: "compute.networkFirewallPolicies",
    ..POLICY
};

pub static REGIONAL: Kind = POLICY;

const POLICY: Kind = Kind {
    collection: "compute.regionNetworkFirewallPolicies",
    service: Service::Compute,
    segment: "firewallPolicies",
    regional: true,
    methods: "compute.regionNetworkFirewallPolicies",
    permissions: "compute.firewallPolicies",
    message: "compute#firewallPolicy",
    fields: &[fields::COMPUTE, FIELDS],
    audited: Audited { resource: "gce_firewall_policy", id: "firewall_policy_id", region: Some("location") },
    rules: &Policy,
};

const FIELDS: &[Field] = &[
    text("name").fixed(),
    text("shortName").fixed(),
    text("displayName"),
    text("description"),
    text("parent").fixed(),
    any("associations").repeated(),
    any("rules").repeated(),
    any("packetMirroringRules").repeated(),
    int("ruleTupleCount").output(),
    text("fingerprint"),
    text("region").output(),
];

const RULE: &[Field] = &[
    text("kind").output(),
    text("ruleName"),
    text("description"),
    int("priority"),
    text("action"),
    choice("direction", &["EGRESS", "INGRESS"]),
    any("match"),
    flag("disabled"),
    flag("enableLogging"),
    link("targetResources").repeated(),
    any("targetSecureTags").repeated(),
    text("targetServiceAccounts").repeated(),
    choice("targetType", &["INSTANCES", "INTERNAL_MANAGED_LB"]),
    link("targetForwardingRules").repeated(),
    link("securityProfileGroup"),
    flag("tlsInspect"),
];

const ASSOCIATION: &[Field] = &[text("name"), link("attachmentTarget"), int("priority")];

const CUSTOM_METHODS: &[CustomMethod] = &[
    CustomMethod { name: "addRule", body: RULE, permission: "update", apply: add_rule },
    CustomMethod { name: "patchRule", body: RULE, permission: "update", apply: patch_rule },
    CustomMethod { name: "removeRule", body: &[], permission: "update", apply: remove_rule },
    CustomMethod { name: "addAssociation", body: ASSOCIATION, permission: "use", apply: add_association },
    CustomMethod { name: "removeAssociation", body: &[], permission: "use", apply: remove_association },
];

const ACTIONS: [&str; 4] = ["allow", "apply_security_profile_group", "deny", "goto_next"];

/// The default rules of a new policy: unmatched traffic goes to the next policy.
const LAST: [(i64, &str, &str, &str); 4] = [
    (2_147_483_644, "EGRESS", "destIpRanges", "::/0"),
    (2_147_483_645, "INGRESS", "srcIpRanges", "::/0"),
    (2_147_483_646, "EGRESS", "destIpRanges", "0.0.0.0/0"),
    (2_147_483_647, "INGRESS", "srcIpRanges", "0.0.0.0/0"),
];

fn goes_on((priority, direction, ranges, all): &(i64, &str, &str, &str)) -> Value {
    json!({
        "kind": "compute#firewallPolicyRule",
        "priority": priority,
        "action": "goto_next",
        "direction": direction,
        "match": {*ranges: [all], "layer4Configs": [{"ipProtocol": "all"}]},
    })
}

struct Policy;

impl Rules for Policy {
    fn custom_methods(&self) -> &'static [CustomMethod] {
        CUSTOM_METHODS
    }

    fn complete(&self, _draft: &Draft<'_>, document: &mut Map<String, Value>) {
        document.entry("rules").or_insert_with(|| LAST.iter().map(goes_on).collect());
        document.remove("fingerprint");
        let fingerprint = fingerprint::of(&Value::Object(document.clone()));
        document.insert("fingerprint".to_owned(), fingerprint.into());
    }

    fn check(&self, draft: &Draft<'_>, document: &Map<String, Value>) -> Result<(), Refusal> {
        let list = |field: &str| document.get(field).and_then(Value::as_array).into_iter().flatten();
        for (i, rule) in list("rules").enumerate() {
            let action = rule["action"].as_str().unwrap_or_default();
            if !ACTIONS.contains(&action) {
                return Err(Refusal::value("resource.action", action, "The action is not one of a firewall policy."));
            }
            if list("rules").take(i).any(|other| other["priority"] == rule["priority"]) {
                let why = "Cannot have rules with the same priorities.";
                return Err(Refusal::value("resource.priority", &rule["priority"].to_string(), why));
            }
        }
        for (i, association) in list("associations").enumerate() {
            references::ready(draft, association["attachmentTarget"].as_str().unwrap_or_default())?;
            if list("associations").take(i).any(|other| other["name"] == association["name"]) {
                return Err(Refusal::invalid("An association with that name already exists."));
            }
        }
        Ok(())
    }

    fn user(&self, accepted: Accepted<'_>, path: &str) -> Option<String> {
        let target = accepted.get(path)?["associations"][0]["attachmentTarget"].as_str()?;
        Some(links::path(target).to_owned())
    }
}

type Sent = Map<String, Value>;

/// Applies a change to a list of the policy.
fn on_list(
    policy: &mut Map<String, Value>,
    field: &str,
    change: impl FnOnce(&mut Vec<Value>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut items = match policy.remove(field) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    change(&mut items)?;
    policy.insert(field.to_owned(), items.into());
    Ok(())
}

fn add_rule(_: &Draft<'_>, policy: &mut Map<String, Value>, sent: Sent) -> Result<(), Refusal> {
    let mut rule = Map::new();
    rule.insert("kind".to_owned(), "compute#firewallPolicyRule".into());
    rule.insert("disabled".to_owned(), false.into());
    rule.insert("enableLogging".to_owned(), false.into());
    rule.extend(sent);
    on_list(policy, "rules", |rules| {
        rules.push(rule.into());
        Ok(())
    })
}

fn patch_rule(draft: &Draft<'_>, policy: &mut Map<String, Value>, sent: Sent) -> Result<(), Refusal> {
    on_list(policy, "rules", |rules| {
        let i = rule(draft, rules)?;
        rules[i].as_object_mut().into_iter().for_each(|rule| fields::merge(rule, sent.clone()));
        Ok(())
    })
}

fn remove_rule(draft: &Draft<'_>, policy: &mut Map<String, Value>, _: Sent) -> Result<(), Refusal> {
    on_list(policy, "rules", |rules| {
        rules.remove(rule(draft, rules)?);
        Ok(())
    })
}

/// The index of the rule whose priority is given as a parameter.
fn rule(draft: &Draft<'_>, rules: &[Value]) -> Result<usize, Refusal> {
    at_priority(rules, draft.parameter("priority"))
}

/// The rule of a policy that has a priority.
pub fn rule_of(policy: &Value, priority: Option<&str>) -> Result<Value, Refusal> {
    let rules = policy["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
    at_priority(rules, priority).map(|at| rules[at].clone())
}

fn at_priority(rules: &[Value], priority: Option<&str>) -> Result<usize, Refusal> {
    let priority = priority.and_then(|text| text.parse::<i64>().ok());
    let priority = priority.ok_or_else(|| Refusal::required("priority"))?;
    let missing = || Refusal::invalid(format!("The firewall policy does not contain a rule at priority {priority}."));
    rules.iter().position(|rule| rule["priority"] == priority).ok_or_else(missing)
}

fn add_association(_: &Draft<'_>, policy: &mut Map<String, Value>, sent: Sent) -> Result<(), Refusal> {
    on_list(policy, "associations", |associations| {
        associations.push(sent.into());
        Ok(())
    })
}

fn remove_association(draft: &Draft<'_>, policy: &mut Map<String, Value>, _: Sent) -> Result<(), Refusal> {
    let name = draft.parameter("name").ok_or_else(|| Refusal::required("name"))?;
    on_list(policy, "associations", |associations| {
        let found = associations.iter().position(|association| association["name"] == name);
        let missing = || Refusal::not_found(&format!("{}/associations/{name}", draft.path));
        associations.remove(found.ok_or_else(missing)?);
        Ok(())
    })
}
