//! The effective firewalls of a network: its own rules, and the hierarchical and network policies.
//! <https://cloud.google.com/compute/docs/reference/rest/v1/networks/getEffectiveFirewalls>

use serde_json::{Value, json};

use crate::sim::{
    api::{
        errors::Refusal,
        links::{self, network_of},
    },
    http::call::Call,
    state::State,
    store::kind::Kind,
};

use super::{firewall_policies, firewalls};

/// Answers for the whole network, or for one region, which includes the regional policies.
pub fn answer(state: &State, call: &Call) -> Result<Value, Refusal> {
    let (network, permission) = match (call.region(), call.parameter("network")) {
        (None, _) => (call.path.clone(), "compute.networks.getEffectiveFirewalls"),
        (Some(_), Some(network)) => {
            let link = links::expand(network, &call.project, "network")?;
            (links::path(&link).to_owned(), "compute.networks.getRegionEffectiveFirewalls")
        }
        (Some(_), None) => return Err(Refusal::required("network")),
    };
    state.may_read(call, permission, &network)?;
    if state.store.seen(&network, call.view()).is_none() {
        return Err(Refusal::not_found(&network));
    }
    let mut found = Vec::new();
    // A world has one organization, so every associated hierarchical policy applies.
    found.extend(effective(state, call, &firewall_policies::HIERARCHICAL, "HIERARCHY", |_| true));
    found
        .extend(effective(state, call, &firewall_policies::GLOBAL, "NETWORK", |target| links::path(target) == network));
    if let Some(region) = call.region() {
        let regional = effective(state, call, &firewall_policies::REGIONAL, "NETWORK_REGIONAL", |target| {
            links::path(target) == network
        });
        found.extend(
            regional
                .into_iter()
                .filter(|(policy, _)| links::last(policy["region"].as_str().unwrap_or_default()) == region),
        );
    }
    let found: Vec<Value> = found.into_iter().map(|(_, shown)| shown).collect();
    let project = links::project(&network);
    let under = firewalls::KIND.collection_path(project, None, None);
    let rules = state.store.listed(firewalls::KIND.collection, &under, call.view()).map(|(_, rule)| rule);
    let rules: Vec<Value> = rules.filter(|rule| network_of(rule) == network).cloned().collect();
    let mut answer = json!({});
    if !found.is_empty() {
        answer["firewallPolicys"] = found.into();
    }
    if !rules.is_empty() {
        answer["firewalls"] = rules.into();
    }
    Ok(answer)
}

/// The policies of a kind whose association `applies`, each with the form in which it is shown.
fn effective<'a>(
    state: &'a State,
    call: &Call,
    kind: &'static Kind,
    of: &str,
    applies: impl Fn(&str) -> bool,
) -> Vec<(&'a Value, Value)> {
    let association = |policy: &'a Value| {
        let mut associations = policy["associations"].as_array().into_iter().flatten();
        associations.find(|one| applies(one["attachmentTarget"].as_str().unwrap_or_default()))
    };
    let policies = state.store.listed(kind.collection, "", call.view());
    let policies = policies.filter_map(|(_, policy)| Some((policy, association(policy)?)));
    let shown = policies.map(|(policy, association)| {
        // Google's default for an association.
        let priority = association["priority"].as_i64().unwrap_or(1000);
        let mut shown = json!({"name": policy["name"], "type": of, "priority": priority, "rules": policy["rules"]});
        for field in ["shortName", "displayName"] {
            if !policy[field].is_null() {
                shown[field] = policy[field].clone();
            }
        }
        (policy, shown)
    });
    shown.collect()
}
