//! Routers and their NATs.

use http::Method;
use serde_json::{Value, json};

use super::{
    COMPUTE, Caller, network,
    rules::{Case, SUBNET, hold, post},
    world,
};

fn nat(name: &str, more: Value) -> Value {
    let mut nat = json!({
        "name": name,
        "natIpAllocateOption": "AUTO_ONLY",
        "sourceSubnetworkIpRangesToNat": "LIST_OF_SUBNETWORKS",
        "subnetworks": [{"name": SUBNET, "sourceIpRangesToNat": ["PRIMARY_IP_RANGE"]}],
    });
    let nat_fields = nat.as_object_mut().expect("an object");
    nat_fields.extend(more.as_object().expect("an object").clone());
    nat_fields.retain(|_, value| !value.is_null());
    nat
}

fn all() -> Value {
    json!({"sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES", "subnetworks": null})
}

#[tokio::test(start_paused = true)]
async fn routers() {
    let caller = Caller::new(world());
    let url = format!("{COMPUTE}/regions/europe-west1/routers");
    let router = |name: &str, nats: Value| json!({"name": name, "network": network(), "nats": nats});
    let listed = json!({"name": SUBNET, "sourceIpRangesToNat": ["ALL_IP_RANGES"]});
    caller.done(Method::POST, &url, router("first", json!([nat("a", json!({}))]))).await;
    let refused = |nats: Value, says: &'static str| post(&url, router("second", nats), 400, "invalid", says);
    hold(
        &caller,
        vec![
            refused(
                json!([nat("b", all())]),
                "Can not create new Nats since a Nat with option ALL_SUBNETWORKS_ALL_IP_RANGES exists.",
            ),
            refused(
                json!([nat("b", json!({}))]),
                "Can not specify PRIMARY_IP_RANGE for the Subnetwork since it is already configured",
            ),
            refused(
                json!([nat("b", json!({"subnetworks": [listed]}))]),
                "The subnetwork is already configured with ALL_IP_RANGES",
            ),
            refused(json!([nat("b", json!({"subnetworks": null}))]), "Subnetworks must be listed."),
            refused(json!([nat("b", json!({"natIpAllocateOption": "MANUAL_ONLY"}))]), "Nat IPs must be given."),
            post(
                &url,
                router("second", json!([nat("b", json!({"name": null}))])),
                400,
                "required",
                "resource.nats[0].name",
            ),
            post(
                &url,
                router(
                    "second",
                    json!([nat("b", json!({"subnetworks": [{"name": "regions/europe-west1/subnetworks/none"}]}))]),
                ),
                404,
                "notFound",
                "subnetworks/none",
            ),
        ],
    )
    .await;
    // A subnetwork that a NAT lists stays.
    let deleted =
        caller.done(Method::DELETE, &format!("https://compute.googleapis.com/compute/v1/{SUBNET}"), Value::Null).await;
    let (_, failed) = caller.get(deleted["selfLink"].as_str().expect("a link")).await;
    assert_eq!(failed["error"]["errors"][0]["code"], "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE");
    assert!(failed.to_string().contains("already being used by 'projects/demo/regions/europe-west1/routers/first'"));
    // Where one NAT has all subnetworks, there is no other.
    let region = format!("{COMPUTE}/regions/us-central1");
    caller.done(Method::POST, &format!("{region}/routers"), router("wide", json!([nat("a", all())]))).await;
    let subnet = json!({"name": "sub", "network": network(), "ipCidrRange": "10.9.0.0/24"});
    caller.done(Method::POST, &format!("{region}/subnetworks"), subnet).await;
    let there = |ranges: &str| json!({"subnetworks": [{"name": "regions/us-central1/subnetworks/sub", "sourceIpRangesToNat": [ranges]}]});
    let says = "Can not create new Nats since a Nat with option ALL_SUBNETWORKS_ALL_IP_RANGES exists.";
    let routers = format!("{region}/routers");
    hold(
        &caller,
        vec![
            post(&routers, router("second", json!([nat("b", all())])), 400, "invalid", says),
            post(&routers, router("second", json!([nat("b", there("PRIMARY_IP_RANGE"))])), 400, "invalid", says),
        ],
    )
    .await;
    let one = format!("{url}/first");
    let again = json!({"nats": [nat("a", json!({})), nat("a", json!({}))]});
    hold(&caller, vec![Case(Method::PATCH, one.clone(), again, 400, "invalid", "already used by another Nat")]).await;
}

/// Every address that a NAT names must exist, near the router, and be external.
#[tokio::test(start_paused = true)]
async fn static_addresses() {
    let address = |region: &str, name: &str| format!("projects/demo/regions/{region}/addresses/{name}");
    let caller = Caller::new(
        world()
            .document("compute.addresses", &address("europe-west1", "mine"), json!({"name": "mine"}))
            .document("compute.addresses", &address("us-central1", "far"), json!({"name": "far"}))
            .document(
                "compute.addresses",
                &address("europe-west1", "inner"),
                json!({"name": "inner", "addressType": "INTERNAL"}),
            ),
    );
    let url = format!("{COMPUTE}/regions/europe-west1/routers");
    let router = |more: Value| {
        let mut manual = json!({"natIpAllocateOption": "MANUAL_ONLY"});
        manual.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!({"name": "r", "network": network(), "nats": [nat("a", manual)]})
    };
    let near = |name: &str| address("europe-west1", name);
    let none = "The resource 'projects/demo/regions/europe-west1/addresses/none' was not found";
    let (mine, gone) = (json!([near("mine")]), json!([near("none")]));
    let rule =
        |field: &str| json!([{"ruleNumber": 1, "match": "destination.ip == '1.1.1.1'", "action": {field: gone}}]);
    let refused = |more: Value, status: u16, reason: &'static str, says: &'static str| {
        post(&url, router(more), status, reason, says)
    };
    hold(
        &caller,
        vec![
            refused(json!({"natIps": gone}), 404, "notFound", none),
            refused(json!({"natIps": [near("mine"), near("none")]}), 404, "notFound", none),
            refused(json!({"natIps": ["regions/europe-west1/addresses/none"]}), 404, "notFound", none),
            refused(json!({"natIps": mine, "drainNatIps": gone}), 404, "notFound", none),
            refused(json!({"natIps": mine, "rules": rule("sourceNatActiveIps")}), 404, "notFound", none),
            refused(json!({"natIps": mine, "rules": rule("sourceNatDrainIps")}), 404, "notFound", none),
            refused(json!({"natIps": ["mine"]}), 400, "invalid", "The URL is malformed"),
            refused(json!({"natIps": [near("inner")]}), 400, "invalid", "must be external"),
            refused(json!({"natIps": [address("us-central1", "far")]}), 400, "invalid", "in the region of the router"),
        ],
    )
    .await;
    caller.done(Method::POST, &url, router(json!({"natIps": mine}))).await;
    let patch = json!({"nats": router(json!({"natIps": gone}))["nats"]});
    hold(&caller, vec![Case(Method::PATCH, format!("{url}/r"), patch, 404, "notFound", none)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_patch_keeps_what_it_does_not_speak_of() {
    let caller = Caller::new(world());
    let url = format!("{COMPUTE}/regions/europe-west1/routers");
    caller.done(Method::POST, &url, json!({"name": "r", "network": network(), "nats": [nat("a", json!({}))]})).await;
    let one = format!("{url}/r");
    let (_, created) = caller.get(&one).await;
    let read = &created["nats"][0];
    assert_eq!(
        (&read["autoNetworkTier"], &read["endpointTypes"], &read["type"]),
        (&json!("PREMIUM"), &json!(["ENDPOINT_TYPE_VM"]), &json!("PUBLIC"))
    );
    caller.done(Method::PATCH, &one, json!({})).await;
    assert_eq!(caller.get(&one).await.1, created);
    caller.done(Method::PATCH, &one, json!({"description": "ours"})).await;
    assert_eq!(caller.get(&one).await.1["nats"], created["nats"]);
    // A list is replaced whole; what Google sets itself is tolerated and of no effect.
    let other = json!({"nats": [nat("b", json!({"effectiveTcpTimeWaitTimeoutSec": 7}))], "id": "7", "selfLink": "x"});
    caller.done(Method::PATCH, &one, other).await;
    let (_, replaced) = caller.get(&one).await;
    let names: Vec<_> = replaced["nats"].as_array().into_iter().flatten().map(|nat| &nat["name"]).collect();
    assert_eq!((names, &replaced["id"]), (vec![&json!("b")], &created["id"]));
    assert_eq!(replaced["nats"][0]["effectiveTcpTimeWaitTimeoutSec"], 120);
    caller.done(Method::PATCH, &one, json!({"nats": []})).await;
    let (_, emptied) = caller.get(&one).await;
    assert_eq!((&emptied["nats"], &emptied["description"]), (&Value::Null, &json!("ours")));
    for field in ["id", "selfLink", "region", "creationTimestamp"] {
        assert_eq!(emptied[field], created[field]);
    }
}
