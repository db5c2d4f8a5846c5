//! Network firewall policies, as a person lays them over a running world.

use http::Method;
use serde_json::{Value, json};

use super::{
    COMPUTE, Caller, network,
    rules::{Case, hold, post},
    world,
};

fn deny(priority: u32) -> Value {
    json!({
        "priority": priority,
        "action": "deny",
        "direction": "EGRESS",
        "match": {"srcIpRanges": ["10.8.0.0/28"], "destIpRanges": ["0.0.0.0/0"], "layer4Configs": [{"ipProtocol": "all"}]},
    })
}

/// Actions of the network's effective policies by priority, without those rules that every policy ends with.
async fn effective(caller: &Caller) -> Vec<(u64, String)> {
    let url = format!(
        "{COMPUTE}/regions/europe-west1/firewallPolicies/getEffectiveFirewalls?network=projects%2Fdemo%2Fglobal%2Fnetworks%2Fvpc"
    );
    let (_, answer) = caller.get(&url).await;
    let policies = answer["firewallPolicys"].as_array().into_iter().flatten();
    let rules = policies.flat_map(|policy| policy["rules"].as_array().expect("rules"));
    let rules = rules.map(|rule| {
        (rule["priority"].as_u64().expect("a priority"), rule["action"].as_str().expect("an action").to_owned())
    });
    rules.filter(|(priority, _)| *priority < 1_000_000).collect()
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_made_and_felt() {
    for place in ["global", "regions/europe-west1"] {
        let caller = Caller::new(world());
        let policies = format!("{COMPUTE}/{place}/firewallPolicies");
        let one = format!("{policies}/guard");
        let does = async |verb: &str, body: Value| caller.done(Method::POST, &format!("{one}/{verb}"), body).await;
        caller.done(Method::POST, &policies, json!({"name": "guard"})).await;
        does("addRule", deny(1000)).await;
        assert_eq!(effective(&caller).await, [], "{place}: not yet associated");
        does("addAssociation", json!({"name": "here", "attachmentTarget": network()})).await;
        assert_eq!(effective(&caller).await, [(1000, "deny".to_owned())], "{place}");
        does("patchRule?priority=1000", json!({"action": "allow"})).await;
        does("addRule", deny(2000)).await;
        assert_eq!(effective(&caller).await, [(1000, "allow".to_owned()), (2000, "deny".to_owned())], "{place}");

        let (_, read) = caller.get(&one).await;
        assert_eq!(read["rules"].as_array().map(Vec::len), Some(6));
        let mut wrong = deny(3000);
        wrong["action"] = "drop".into();
        let add = format!("{one}/addRule");
        hold(
            &caller,
            vec![
                post(&add, deny(1000), 400, "invalid", "Cannot have rules with the same priorities."),
                post(&add, wrong, 400, "invalid", "resource.action"),
                post(&add, json!({"prio": 1}), 400, "badRequest", "Unknown name \"prio\""),
                post(
                    format!("{one}/removeRule?priority=9"),
                    Value::Null,
                    400,
                    "invalid",
                    "does not contain a rule at priority 9",
                ),
                post(
                    format!("{one}/addAssociation"),
                    json!({"name": "lost", "attachmentTarget": "global/networks/none"}),
                    404,
                    "notFound",
                    "networks/none",
                ),
                Case(Method::PATCH, one.clone(), json!({"description": "x"}), 412, "conditionNotMet", "fingerprint"),
            ],
        )
        .await;
        let described = json!({"description": "x", "fingerprint": read["fingerprint"]});
        caller.done(Method::PATCH, &one, described).await;

        // Associated with a network, it stays.
        caller.done(Method::DELETE, &one, Value::Null).await;
        does("removeRule?priority=1000", Value::Null).await;
        assert_eq!(effective(&caller).await, [(2000, "deny".to_owned())], "{place}");
        does("removeAssociation?name=here", Value::Null).await;
        assert_eq!(effective(&caller).await, [], "{place}");
        caller.done(Method::DELETE, &one, Value::Null).await;
        assert_eq!(caller.get(&one).await.0, 404);
    }
}
