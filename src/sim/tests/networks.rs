//! Networks, what is in them, and what stands in the way of their deletion.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::{
    ACCESS, COMPUTE, CONNECTOR, Caller, World, network,
    rules::{Case, SUBNET, firewall, hold, post, ready},
    world,
};

#[tokio::test(start_paused = true)]
async fn networks_and_subnetworks() {
    let caller = Caller::new(world());
    let networks = format!("{COMPUTE}/global/networks");
    let url = format!("{COMPUTE}/regions/europe-west1/subnetworks");
    let subnet = |range: &str| json!({"name": "other", "network": network(), "ipCidrRange": range});
    hold(
        &caller,
        vec![
            post(
                &networks,
                json!({"name": "legacy"}),
                400,
                "badRequest",
                "Creation of legacy mode networks is deprecated.",
            ),
            post(
                &networks,
                json!({"name": "legacy", "IPv4Range": "10.240.0.0/16"}),
                400,
                "badRequest",
                "removing the IPv4Range field and adding the autoCreateSubnetworks field",
            ),
            post(
                &networks,
                json!({"name": "legacy", "IPv4Range": "10.240.0.0/16", "autoCreateSubnetworks": false}),
                400,
                "badRequest",
                "Creation of legacy mode networks is deprecated.",
            ),
            post(
                &url,
                subnet("10.8.0.0/24"),
                400,
                "invalid",
                "conflicts with existing subnetwork 'egress' in region 'europe-west1'",
            ),
            post(&url, subnet("10.9.0.1/24"), 400, "invalid", "host bits"),
            post(&url, subnet("10.9.0.0/30"), 400, "invalid", "prefix length"),
            post(&url, subnet("everything"), 400, "invalid", "CIDR"),
            post(format!("{COMPUTE}/regions/mars/subnetworks"), subnet("10.9.0.0/24"), 400, "invalid", "'mars'"),
        ],
    )
    .await;
    // A network in the making is not ready for anything else.
    let (status, _) =
        caller.send(Method::POST, &networks, json!({"name": "young", "autoCreateSubnetworks": true})).await;
    assert_eq!(status, 200);
    let young = json!({"name": "x", "network": "global/networks/young", "ipCidrRange": "10.9.0.0/24"});
    hold(
        &caller,
        vec![
            post(
                &url,
                young,
                400,
                "resourceNotReady",
                "The resource 'projects/demo/global/networks/young' is not ready",
            ),
            Case(Method::GET, format!("{networks}/young"), Value::Null, 404, "notFound", ""),
        ],
    )
    .await;
    caller.cloud.advance(Duration::from_secs(2));
    let (_, young) = caller.get(&format!("{networks}/young")).await;
    assert_eq!(young["subnetworks"].as_array().map(Vec::len), Some(2));
    let (_, routes) = caller.get(&format!("{COMPUTE}/global/routes")).await;
    let gateways =
        routes["items"].as_array().expect("routes").iter().filter(|route| route["nextHopGateway"].is_string());
    assert_eq!(gateways.count(), 2);
    // So is a subnetwork in the making or being changed.
    let fresh = json!({"name": "fresh", "network": network(), "ipCidrRange": "10.9.0.0/24"});
    assert_eq!(caller.send(Method::POST, &url, fresh).await.0, 200);
    let nat = json!({
        "name": "nat",
        "natIpAllocateOption": "AUTO_ONLY",
        "sourceSubnetworkIpRangesToNat": "LIST_OF_SUBNETWORKS",
        "subnetworks": [{"name": "regions/europe-west1/subnetworks/fresh", "sourceIpRangesToNat": ["ALL_IP_RANGES"]}],
    });
    let router = json!({"name": "router", "network": network(), "nats": [nat]});
    let says = "The resource 'projects/demo/regions/europe-west1/subnetworks/fresh' is not ready";
    let delete = Case(Method::DELETE, format!("{url}/fresh"), Value::Null, 400, "resourceNotReady", says);
    let routers = format!("{COMPUTE}/regions/europe-west1/routers");
    hold(&caller, vec![post(&routers, router.clone(), 400, "resourceNotReady", says), delete]).await;
    caller.cloud.advance(Duration::from_secs(2));
    caller.done(Method::POST, &routers, router).await;
    // Private Google Access has a method of its own; a patch needs the fingerprint.
    let one = format!("{url}/egress");
    caller.done(Method::POST, &format!("{one}/setPrivateIpGoogleAccess"), json!({"privateIpGoogleAccess": true})).await;
    let (_, read) = caller.get(&one).await;
    assert_eq!((&read["privateIpGoogleAccess"], &read["gatewayAddress"]), (&json!(true), &json!("10.8.0.1")));
    hold(
        &caller,
        vec![Case(Method::PATCH, one.clone(), json!({"enableFlowLogs": true}), 412, "conditionNotMet", "fingerprint")],
    )
    .await;
    let patch = json!({"enableFlowLogs": true, "fingerprint": read["fingerprint"]});
    caller.done(Method::PATCH, &one, patch).await;
    assert_eq!(caller.get(&one).await.1["enableFlowLogs"], true);
}

/// A legacy network that a world holds takes no subnetwork and no connector, and is changed like others.
#[tokio::test(start_paused = true)]
async fn legacy_networks() {
    let path = "projects/demo/global/networks/old";
    let legacy = json!({"name": "old", "IPv4Range": "10.240.0.0/16", "gatewayIPv4": "10.240.0.1"});
    let caller = Caller::new(world().document("compute.networks", path, legacy));
    let subnet = json!({"name": "sub", "network": path, "ipCidrRange": "10.9.0.0/28"});
    let subnetworks = format!("{COMPUTE}/regions/europe-west1/subnetworks");
    hold(&caller, vec![post(subnetworks, subnet, 400, "invalid", "A legacy network has no subnetworks.")]).await;
    let connector = json!({"network": "old", "ipCidrRange": "10.9.0.0/28", "minInstances": 2, "maxInstances": 3});
    let connectors = format!("{ACCESS}/connectors?connectorId=egress");
    let begun = caller.done(Method::POST, &connectors, connector).await;
    caller.cloud.advance(Duration::from_secs(90));
    let operation = format!("https://vpcaccess.googleapis.com/v1/{}", begun["name"].as_str().expect("a name"));
    let (_, ended) = caller.get(&operation).await;
    assert!(ended["error"]["message"].to_string().contains("A legacy network has no subnetworks."), "{ended}");
    assert_eq!(caller.get(&format!("{ACCESS}/connectors/egress")).await.1["state"], "ERROR");
    let one = format!("https://compute.googleapis.com/compute/v1/{path}");
    caller.done(Method::PATCH, &one, json!({"routingConfig": {"routingMode": "GLOBAL"}})).await;
    let (_, read) = caller.get(&one).await;
    assert_eq!(
        (&read["IPv4Range"], &read["routingConfig"]["routingMode"]),
        (&json!("10.240.0.0/16"), &json!("GLOBAL"))
    );
}

/// A region is named by its URL, from any part of it on, or by its name alone.
#[tokio::test(start_paused = true)]
async fn regions_in_bodies() {
    let caller = Caller::new(world());
    let region = "projects/demo/regions/europe-west1";
    let spelled = ["europe-west1", "regions/europe-west1", region];
    for (i, spelled) in spelled.into_iter().enumerate() {
        let name = format!("sub-{i}");
        for (collection, more) in [
            ("subnetworks", json!({"ipCidrRange": format!("10.9.{i}.0/24"), "network": network()})),
            ("routers", json!({"network": network()})),
            ("addresses", json!({})),
        ] {
            let mut body = json!({"name": name, "region": spelled});
            body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            let url = format!("{COMPUTE}/regions/europe-west1/{collection}");
            caller.done(Method::POST, &url, body.clone()).await;
            let (_, read) = caller.get(&format!("{url}/{name}")).await;
            assert_eq!(
                read["region"],
                format!("https://www.googleapis.com/compute/v1/{region}"),
                "{collection} {spelled}"
            );
        }
    }
    let elsewhere = json!({"name": "x", "network": network(), "region": "us-central1"});
    let url = format!("{COMPUTE}/regions/europe-west1/routers");
    hold(&caller, vec![post(url, elsewhere, 400, "invalid", "resource.region")]).await;
}

#[tokio::test(start_paused = true)]
async fn a_subnetwork_grows_and_does_not_shrink() {
    let caller = Caller::new(world().subnetwork("demo", "europe-west1", "near", "vpc", "10.8.0.64/26"));
    let one = format!("{COMPUTE}/regions/europe-west1/subnetworks/egress");
    let expand = format!("{one}/expandIpCidrRange");
    let refused = |range: &str, says: &'static str| post(&expand, json!({"ipCidrRange": range}), 400, "invalid", says);
    hold(
        &caller,
        vec![
            refused("10.8.0.0/28", "must contain the current one"),
            refused("10.8.0.0/29", "must contain the current one"),
            refused("10.9.0.0/24", "must contain the current one"),
            refused("everything", "must contain the current one"),
            refused("10.8.0.0/24", "conflicts with existing subnetwork 'near'"),
        ],
    )
    .await;
    caller.done(Method::POST, &expand, json!({"ipCidrRange": "10.8.0.0/26"})).await;
    let (_, read) = caller.get(&one).await;
    assert_eq!(read["ipCidrRange"], "10.8.0.0/26");
    let patch = json!({"ipCidrRange": "10.8.0.0/25", "fingerprint": read["fingerprint"]});
    hold(&caller, vec![Case(Method::PATCH, one, patch, 400, "invalid", "cannot be changed")]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_in_use_is_not_deleted() {
    let caller = Caller::new(world().document("vpcaccess.connectors", CONNECTOR, ready()));
    for (url, user) in [
        (format!("{COMPUTE}/global/networks/vpc"), SUBNET),
        (format!("{COMPUTE}/regions/europe-west1/subnetworks/egress"), CONNECTOR),
    ] {
        let (status, operation) = caller.send(Method::DELETE, &url, Value::Null).await;
        assert_eq!((status, &operation["status"]), (200, &json!("RUNNING")));
        caller.cloud.advance(Duration::from_secs(2));
        let (status, operation) = caller.get(operation["selfLink"].as_str().expect("a link")).await;
        assert_eq!(
            (status, &operation["status"], &operation["httpErrorStatusCode"]),
            (200, &json!("DONE"), &json!(400))
        );
        let error = &operation["error"]["errors"][0];
        assert_eq!(error["code"], "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE");
        assert!(error["message"].as_str().expect("a message").contains(user), "{error}");
        assert_eq!(caller.get(&url).await.0, 200);
    }
}

/// Google keeps them for subnetworks and policies; networks, routers and firewall rules are changed without.
#[tokio::test(start_paused = true)]
async fn fingerprints_where_google_has_them() {
    let caller = Caller::new(world());
    caller.done(Method::POST, &format!("{COMPUTE}/global/firewalls"), firewall(json!({}))).await;
    let router = json!({"name": "router", "network": network()});
    caller.done(Method::POST, &format!("{COMPUTE}/regions/europe-west1/routers"), router).await;
    caller.done(Method::POST, &format!("{COMPUTE}/global/firewallPolicies"), json!({"name": "policy"})).await;
    for (one, has) in [
        ("global/networks/vpc", false),
        ("regions/europe-west1/subnetworks/egress", true),
        ("regions/europe-west1/routers/router", false),
        ("global/firewalls/rule", false),
        ("global/firewallPolicies/policy", true),
    ] {
        let (_, read) = caller.get(&format!("{COMPUTE}/{one}")).await;
        assert_eq!(read["fingerprint"].is_string(), has, "{read}");
    }
}

/// Labels have a fingerprint of their own.
#[tokio::test(start_paused = true)]
async fn labels_are_set_by_who_knows_them() {
    let caller = Caller::new(world());
    for (place, range) in [
        ("global", json!({"prefixLength": 16, "purpose": "VPC_PEERING", "addressType": "INTERNAL"})),
        ("regions/europe-west1", json!({})),
    ] {
        let addresses = format!("{COMPUTE}/{place}/addresses");
        let mut body = json!({"name": "ip", "labels": {"team": "one"}});
        body.as_object_mut().expect("an object").extend(range.as_object().expect("an object").clone());
        caller.done(Method::POST, &addresses, body).await;
        let one = format!("{addresses}/ip");
        let (_, read) = caller.get(&one).await;
        let labels = |fingerprint: &Value| json!({"labels": {"tier": "two"}, "labelFingerprint": fingerprint});
        let set = format!("{one}/setLabels");
        let says = "Labels fingerprint either invalid or resource labels have changed";
        hold(&caller, vec![post(&set, labels(&json!("c3RhbGU=")), 412, "conditionNotMet", says)]).await;
        caller.done(Method::POST, &set, labels(&read["labelFingerprint"])).await;
        let (_, changed) = caller.get(&one).await;
        assert_eq!(changed["labels"], json!({"tier": "two"}));
        assert_ne!(changed["labelFingerprint"], read["labelFingerprint"]);
    }
}

#[tokio::test(start_paused = true)]
async fn effective_firewalls() {
    let policy = |name: &str, target: &str| json!({"name": name, "rules": [{"priority": 1, "action": "deny"}], "associations": [{"name": "a", "attachmentTarget": target}]});
    let mut regional = policy("near", "projects/demo/global/networks/vpc");
    regional["region"] = "https://www.googleapis.com/compute/v1/projects/demo/regions/europe-west1".into();
    let caller = Caller::new(
        world()
            .document(
                "compute.firewallPolicies",
                "locations/global/firewallPolicies/77",
                policy("77", "organizations/1"),
            )
            .document(
                "compute.networkFirewallPolicies",
                "projects/demo/global/firewallPolicies/wide",
                policy("wide", "projects/demo/global/networks/vpc"),
            )
            .document(
                "compute.networkFirewallPolicies",
                "projects/demo/global/firewallPolicies/loose",
                policy("loose", "projects/demo/global/networks/other"),
            )
            .document(
                "compute.regionNetworkFirewallPolicies",
                "projects/demo/regions/europe-west1/firewallPolicies/near",
                regional,
            ),
    );
    caller.done(Method::POST, &format!("{COMPUTE}/global/firewalls"), firewall(json!({}))).await;
    let (_, global) = caller.get(&format!("{COMPUTE}/global/networks/vpc/getEffectiveFirewalls")).await;
    let (_, here) = caller.get(&format!("{COMPUTE}/regions/europe-west1/firewallPolicies/getEffectiveFirewalls?network=projects%2Fdemo%2Fglobal%2Fnetworks%2Fvpc")).await;
    let types = |answer: &Value| -> Vec<String> {
        answer["firewallPolicys"]
            .as_array()
            .expect("policies")
            .iter()
            .map(|one| one["type"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(types(&global), ["HIERARCHY", "NETWORK"]);
    assert_eq!(types(&here), ["HIERARCHY", "NETWORK", "NETWORK_REGIONAL"]);
    assert_eq!(here["firewalls"][0]["name"], "rule");
}

#[tokio::test(start_paused = true)]
async fn a_network_takes_along_what_came_with_it() {
    let caller = Caller::new(World::with_project("demo", "123456789012").network("demo", "custom"));
    let networks = format!("{COMPUTE}/global/networks");
    caller.done(Method::POST, &networks, json!({"name": "auto", "autoCreateSubnetworks": true})).await;
    for name in ["auto", "custom"] {
        caller.done(Method::DELETE, &format!("{networks}/{name}"), Value::Null).await;
    }
    for list in ["global/networks", "global/routes", "regions/europe-west1/subnetworks"] {
        assert!(caller.get(&format!("{COMPUTE}/{list}")).await.1["items"].is_null(), "{list}");
    }
}

/// What is free of a primary range: Google keeps four addresses, connectors take theirs, and Direct VPC egress takes blocks.
#[tokio::test(start_paused = true)]
async fn utilization_is_shown_where_it_is_asked_for() {
    let path = "projects/demo/regions/europe-west1/subnetworks/apps";
    let at = "projects/demo/locations/europe-west1";
    let interfaces = json!([{"network": "vpc", "subnetwork": "apps"}]);
    let world = world()
        .subnetwork("demo", "europe-west1", "apps", "vpc", "10.20.0.0/25")
        .document(
            "run.services",
            &format!("{at}/services/shop"),
            json!({"template": {"vpcAccess": {"networkInterfaces": interfaces}}}),
        )
        .document(
            "run.instances",
            &format!("{at}/instances/box"),
            json!({"vpcAccess": {"networkInterfaces": [{"subnetwork": path}]}}),
        )
        .document(
            "run.services",
            &format!("{at}/services/other"),
            json!({"template": {"vpcAccess": {"connector": "conn"}}}),
        )
        .document(
            "compute.instances",
            "projects/demo/zones/europe-west1-b/instances/vm",
            json!({"networkInterfaces": [{"subnetwork": path}]}),
        );
    let caller = Caller::new(world);
    let url = format!("{COMPUTE}/regions/europe-west1/subnetworks/apps");
    let (status, plain) = caller.get(&url).await;
    assert_eq!((status, &plain["utilizationDetails"]), (200, &Value::Null), "{plain}");
    let (_, seen) = caller.get(&format!("{url}?views=WITH_UTILIZATION")).await;
    let range = &seen["utilizationDetails"]["ipv4Utilizations"][0];
    assert_eq!((&range["totalAllocatedIp"], &range["totalFreeIp"]), (&json!("33"), &json!("91")), "{seen}");
}
