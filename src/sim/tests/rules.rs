//! Compute's rules, each once: a request, and what Google says to it.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::{ACCESS, COMPUTE, CONNECTOR, Caller, RUN, connector, network, world};

pub const SUBNET: &str = "projects/demo/regions/europe-west1/subnetworks/egress";

/// What is sent, and what is said: the HTTP status, Compute's reason or the status name, and a piece of the message.
pub struct Case(pub Method, pub String, pub Value, pub u16, pub &'static str, pub &'static str);

pub fn post(url: impl Into<String>, body: Value, status: u16, reason: &'static str, says: &'static str) -> Case {
    Case(Method::POST, url.into(), body, status, reason, says)
}

pub async fn hold(caller: &Caller, cases: Vec<Case>) {
    for Case(method, url, body, status, reason, says) in cases {
        let (got, answer) = caller.send(method.clone(), &url, body.clone()).await;
        let error = &answer["error"];
        let why = error["errors"][0]["reason"].as_str().or(error["status"].as_str()).unwrap_or_default();
        let message = error["message"].as_str().unwrap_or_default();
        assert_eq!((got, why), (status, reason), "{method} {url} {body}: {answer}");
        assert!(message.contains(says), "{method} {url} {body}: {message}");
    }
}

fn firewall(more: Value) -> Value {
    let mut rule = json!({"name": "rule", "network": network(), "allowed": [{"IPProtocol": "tcp"}]});
    rule.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    rule
}

#[tokio::test(start_paused = true)]
async fn firewalls() {
    let caller = Caller::new(world());
    let url = format!("{COMPUTE}/global/firewalls");
    let refused = |more: Value, reason: &'static str, says: &'static str| post(&url, firewall(more), 400, reason, says);
    hold(
        &caller,
        vec![
            refused(json!({"name": "Rule"}), "invalid", "Must be a match of regex"),
            refused(json!({"name": null}), "required", "resource.name"),
            refused(json!({"ports": []}), "badRequest", "Unknown name \"ports\" at 'resource'"),
            refused(json!({"direction": "SIDEWAYS"}), "badRequest", "resource.direction"),
            refused(json!({"priority": "high"}), "badRequest", "resource.priority"),
            refused(json!({"priority": 65536}), "invalid", "between 0 and 65535"),
            refused(json!({"denied": [{"IPProtocol": "udp"}]}), "invalid", "Exactly one of"),
            refused(json!({"direction": "EGRESS", "sourceTags": ["a"]}), "invalid", "cannot specify sourceTags"),
            refused(
                json!({"targetTags": ["a"], "targetServiceAccounts": ["b@c"]}),
                "invalid",
                "cannot be used together",
            ),
            refused(json!({"targetTags": ["A"]}), "invalid", "resource.targetTags[0]"),
            refused(json!({"sourceRanges": ["10.0.0.0/8", "::/0"]}), "invalid", "cannot be mixed"),
            refused(json!({"sourceRanges": ["ten"]}), "invalid", "resource.sourceRanges[0]"),
            refused(
                json!({"allowed": [{"IPProtocol": "icmp", "ports": ["1"]}]}),
                "invalid",
                "resource.allowed[0].ports[0]",
            ),
            refused(json!({"network": "vpc"}), "invalid", "The URL is malformed"),
            post(
                &url,
                firewall(json!({"network": "global/networks/none"})),
                404,
                "notFound",
                "'projects/demo/global/networks/none'",
            ),
            post(
                &url,
                json!({"name": "rule", "allowed": [{"IPProtocol": "tcp"}]}),
                404,
                "notFound",
                "networks/default",
            ),
        ],
    )
    .await;
    caller.done(Method::POST, &url, firewall(json!({"selfLink": "ignored", "priority": "900"}))).await;
    let (_, read) = caller.get(&format!("{url}/rule")).await;
    assert_eq!(
        (&read["sourceRanges"], &read["logConfig"], &read["priority"]),
        (&json!(["0.0.0.0/0"]), &json!({"enable": false}), &json!(900))
    );
    let one = format!("{url}/rule");
    hold(
        &caller,
        vec![
            post(
                &url,
                firewall(json!({})),
                409,
                "alreadyExists",
                "The resource 'projects/demo/global/firewalls/rule' already exists",
            ),
            Case(Method::PATCH, one.clone(), json!({"direction": "EGRESS"}), 400, "invalid", "resource.direction"),
            Case(Method::GET, format!("{url}/none"), Value::Null, 404, "notFound", "was not found"),
            Case(
                Method::GET,
                format!("{url}?maxResults=501"),
                Value::Null,
                400,
                "invalid",
                "less than or equal to 500",
            ),
            Case(Method::GET, format!("{url}?pageToken=x"), Value::Null, 400, "invalid", "pageToken"),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn networks_and_subnetworks() {
    let caller = Caller::new(world());
    let networks = format!("{COMPUTE}/global/networks");
    let url = format!("{COMPUTE}/regions/europe-west1/subnetworks");
    let subnet = |range: &str| json!({"name": "other", "network": network(), "ipCidrRange": range});
    hold(
        &caller,
        vec![
            post(&networks, json!({"name": "legacy"}), 400, "invalid", "Legacy networks"),
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

pub fn ready() -> Value {
    json!({"subnet": {"name": "egress"}, "state": "READY", "minInstances": 2, "maxInstances": 3, "machineType": "e2-micro"})
}

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
    let one = format!("{url}/first");
    let again = json!({"nats": [nat("a", json!({})), nat("a", json!({}))]});
    hold(&caller, vec![Case(Method::PATCH, one.clone(), again, 400, "invalid", "already used by another Nat")]).await;
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
    caller.done(Method::PATCH, &one, json!({"nats": []})).await;
    let (_, emptied) = caller.get(&one).await;
    assert_eq!((&emptied["nats"], &emptied["description"]), (&Value::Null, &json!("ours")));
    for field in ["id", "selfLink", "region", "creationTimestamp"] {
        assert_eq!(emptied[field], created[field]);
    }
}

#[tokio::test(start_paused = true)]
async fn one_request_id_is_one_change() {
    let caller = Caller::new(world());
    let url = format!("{COMPUTE}/global/firewalls?requestId=4b3d1f6e-0f6b-4a6f-9a58-0b5b8a5c7d11");
    let (_, first) = caller.send(Method::POST, &url, firewall(json!({}))).await;
    let (status, second) = caller.send(Method::POST, &url, firewall(json!({}))).await;
    assert_eq!((status, second), (200, first.clone()));
    caller.cloud.advance(Duration::from_secs(2));
    let (_, third) = caller.send(Method::POST, &url, firewall(json!({}))).await;
    assert_eq!((&third["name"], &third["status"]), (&first["name"], &json!("DONE")));
    let inserts = caller.cloud.audit_entries().into_iter().filter(|entry| entry["operation"]["first"] == true);
    assert_eq!(inserts.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_change_at_a_time() {
    let caller = Caller::new(world());
    let one = format!("{COMPUTE}/global/firewalls/rule");
    caller.done(Method::POST, &format!("{COMPUTE}/global/firewalls"), firewall(json!({}))).await;
    assert_eq!(caller.send(Method::PATCH, &one, json!({"disabled": true})).await.0, 200);
    hold(
        &caller,
        vec![Case(
            Method::PATCH,
            one.clone(),
            json!({"disabled": false}),
            409,
            "operationInProgress",
            "another operation",
        )],
    )
    .await;
    assert_eq!(
        caller.get(&one).await.1["disabled"],
        false,
        "the change is not to be seen before its operation is done"
    );
}

#[tokio::test(start_paused = true)]
async fn who_may_do_what() {
    let caller = Caller::new(world().allow("demo", "sre@example.com", &["compute.firewalls.*", "run.jobs.list"]));
    let shut = Caller::new(world().without_api("demo", "compute.googleapis.com"));
    hold(
        &caller,
        vec![
            post(
                format!("{COMPUTE}/global/firewalls"),
                firewall(json!({})),
                403,
                "forbidden",
                "Required 'compute.networks.updatePolicy' permission for 'projects/demo/global/networks/vpc'",
            ),
            Case(
                Method::GET,
                format!("{COMPUTE}/global/networks/vpc"),
                Value::Null,
                403,
                "forbidden",
                "'compute.networks.get'",
            ),
            post(
                format!("{ACCESS}/connectors?connectorId=egress"),
                connector(),
                403,
                "PERMISSION_DENIED",
                "Permission 'vpcaccess.connectors.create' denied on resource",
            ),
            Case(
                Method::GET,
                "https://compute.googleapis.com/compute/v1/projects/nobody/global/networks".to_owned(),
                Value::Null,
                404,
                "notFound",
                "projects/nobody",
            ),
        ],
    )
    .await;
    assert_eq!(caller.get(&format!("{RUN}/jobs")).await, (200, json!({})));
    hold(
        &shut,
        vec![Case(
            Method::GET,
            format!("{COMPUTE}/global/networks"),
            Value::Null,
            403,
            "accessNotConfigured",
            "has not been used in project 123456789012",
        )],
    )
    .await;
    let (_, answer) = shut.get(&format!("{COMPUTE}/global/networks")).await;
    assert_eq!(answer["error"]["details"][0]["reason"], "SERVICE_DISABLED");
}

#[tokio::test(start_paused = true)]
async fn lists_come_in_pages() {
    let caller = Caller::new(world());
    for i in 0..5 {
        let body = firewall(json!({"name": format!("rule-{i}")}));
        caller.done(Method::POST, &format!("{COMPUTE}/global/firewalls"), body).await;
    }
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let (_, page) = caller.get(&format!("{COMPUTE}/global/firewalls?maxResults=2&pageToken={token}")).await;
        seen.extend(
            page["items"]
                .as_array()
                .expect("items")
                .iter()
                .map(|rule| rule["name"].as_str().unwrap_or_default().to_owned()),
        );
        match page["nextPageToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, ["rule-0", "rule-1", "rule-2", "rule-3", "rule-4"]);
    let (_, everywhere) = caller.get(&format!("{COMPUTE}/aggregated/subnetworks")).await;
    assert_eq!(everywhere["items"]["regions/europe-west1"]["subnetworks"][0]["name"], "egress");
    assert_eq!(everywhere["items"]["regions/us-central1"]["warning"]["code"], "NO_RESULTS_ON_PAGE");
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
    let caller = Caller::new(super::World::with_project("demo", "123456789012").network("demo", "custom"));
    let networks = format!("{COMPUTE}/global/networks");
    caller.done(Method::POST, &networks, json!({"name": "auto", "autoCreateSubnetworks": true})).await;
    for name in ["auto", "custom"] {
        caller.done(Method::DELETE, &format!("{networks}/{name}"), Value::Null).await;
    }
    for list in ["global/networks", "global/routes", "regions/europe-west1/subnetworks"] {
        assert!(caller.get(&format!("{COMPUTE}/{list}")).await.1["items"].is_null(), "{list}");
    }
}
