//! Compute's rules, each once: a request, and what Google says to it.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::{ACCESS, COMPUTE, Caller, RUN, connector, network, world};

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

pub fn firewall(more: Value) -> Value {
    let mut rule = json!({"name": "rule", "network": network(), "allowed": [{"IPProtocol": "tcp"}]});
    rule.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    rule
}

#[tokio::test(start_paused = true)]
async fn firewalls() {
    let caller = Caller::new(world().network("demo", "other"));
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
            // Names are the project's, whatever the network.
            post(&url, firewall(json!({"network": "global/networks/other"})), 409, "alreadyExists", "firewalls/rule"),
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

pub fn ready() -> Value {
    json!({"subnet": {"name": "egress"}, "state": "READY", "minInstances": 2, "maxInstances": 3, "machineType": "e2-micro"})
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
    for (service, title, url) in [
        ("vpcaccess", "Serverless VPC Access API", format!("{ACCESS}/connectors")),
        ("run", "Cloud Run Admin API", format!("{RUN}/jobs")),
    ] {
        let shut = Caller::new(world().without_api("demo", &format!("{service}.googleapis.com")));
        let (status, answer) = shut.get(&url).await;
        assert_eq!((status, &answer["error"]["status"]), (403, &json!("PERMISSION_DENIED")));
        let says = format!(
            "{title} has not been used in project 123456789012 before or it is disabled. Enable it by visiting \
             https://console.developers.google.com/apis/api/{service}.googleapis.com/overview?project=123456789012 then \
             retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems \
             and retry."
        );
        assert_eq!(answer["error"]["message"], says);
        assert_eq!(answer["error"]["details"][0]["reason"], "SERVICE_DISABLED");
    }
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
