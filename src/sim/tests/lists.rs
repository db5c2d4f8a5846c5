//! Filters of lists, and calls that come together.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::{
    COMPUTE, Caller,
    rules::{Case, firewall, hold, post},
    world,
};
use crate::google::transport::Request;

async fn names(caller: &Caller, url: &str, filter: &str) -> Vec<String> {
    let encoded: String = filter.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let (status, answer) = caller.get(&format!("{url}?filter={encoded}")).await;
    assert_eq!(status, 200, "{filter}: {answer}");
    let in_scope = |scope: &Value| -> Vec<Value> {
        scope.as_object().into_iter().flatten().filter_map(|(_, list)| list.as_array().cloned()).flatten().collect()
    };
    let items: Vec<Value> = match &answer["items"] {
        Value::Object(scopes) => scopes.values().flat_map(in_scope).collect(),
        list => list.as_array().cloned().unwrap_or_default(),
    };
    items.iter().map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
}

/// What gcloud makes of `--filter`, and the form of AIP-160.
#[tokio::test(start_paused = true)]
async fn filters() {
    let caller = Caller::new(world().network("demo", "other"));
    let firewalls = format!("{COMPUTE}/global/firewalls");
    for more in [
        json!({"name": "deny-c-egress", "direction": "EGRESS", "priority": 990, "targetTags": ["vpc-connector"],
            "description": "managed-by=egress-reconciler for=projects/demo/locations/r/connectors/C"}),
        json!({"name": "deny-d-egress", "direction": "EGRESS", "priority": 991, "disabled": true,
            "description": "managed-by=egress-reconciler for=projects/demo/locations/r/connectors/D"}),
        json!({"name": "ssh", "network": "global/networks/other"}),
    ] {
        caller.done(Method::POST, &firewalls, firewall(more)).await;
    }
    let (c, d, ssh) = ("deny-c-egress", "deny-d-egress", "ssh");
    let cases: &[(&str, &[&str])] = &[
        ("", &[c, d, ssh]),
        (r#"(name eq ".*(^deny-).*")(description eq ".*(connectors/C$).*")"#, &[c]),
        (r#"description eq ".*(managed-by=egress-reconciler).*""#, &[c, d]),
        (r#"description ne ".*(managed-by=egress-reconciler).*""#, &[ssh]),
        (r#"name eq ".*\bdeny\-c\-egress\b.*""#, &[c]),
        (r#"name eq ".*\bden\b.*""#, &[]),
        (r#"(direction eq EGRESS)(network eq ".*(vpc).*")"#, &[c, d]),
        ("direction ne EGRESS", &[ssh]),
        ("disabled eq true", &[d]),
        ("priority eq 990", &[c]),
        ("name eq deny-(c|d)-.*", &[c, d]),
        ("name eq 'deny-[^c]-e[a-z]{5}'", &[d]),
        (r#"targetTags eq ".*\bvpc\-connector\b.*""#, &[c]),
        (r#"name = "ssh""#, &[ssh]),
        ("name=ssh OR priority=990", &[c, ssh]),
        ("(name != ssh) AND (disabled = false)", &[c]),
        ("name != ssh AND NOT priority = 990", &[d]),
        ("priority > 990", &[d, ssh]),
        ("priority <= 990", &[c]),
        ("targetTags:*", &[c]),
        ("logConfig.enable = false", &[c, d, ssh]),
        ("logConfig.enable = true", &[]),
    ];
    for (filter, wanted) in cases {
        assert_eq!(names(&caller, &firewalls, filter).await, *wanted, "{filter}");
    }
    let by_network = r#"network eq ".*\bvpc\b.*""#;
    for (list, filter, wanted) in [
        ("aggregated/subnetworks", by_network, &["egress"][..]),
        ("regions/europe-west1/subnetworks", "ipCidrRange eq 10.9.*", &[]),
        ("aggregated/routers", by_network, &[]),
        ("global/networks", r#"name eq ".*(oth).*""#, &["other"]),
        ("global/routes", by_network, &["default-route-vpc"]),
        ("regions", r#"name eq ".*(europe).*""#, &["europe-west1"]),
    ] {
        assert_eq!(names(&caller, &format!("{COMPUTE}/{list}"), filter).await, *wanted, "{list} {filter}");
    }
    let refused = |filter: &str| {
        let url = format!("{firewalls}?filter={filter}");
        Case(Method::GET, url, Value::Null, 400, "invalid", "Invalid list filter expression.")
    };
    let wrong = ["name", "name+eq", "(name+eq+x", "name+eq+x)", "name+eq+%22x", "name+eq+(", "name+~+x", "eq+x", "NOT"];
    hold(&caller, wrong.into_iter().map(refused).collect()).await;
}

/// gcloud deletes several resources in one request, and is told of each.
#[tokio::test(start_paused = true)]
async fn calls_that_come_together() {
    let caller = Caller::new(world());
    let firewalls = format!("{COMPUTE}/global/firewalls");
    for name in ["a", "b"] {
        caller.done(Method::POST, &firewalls, firewall(json!({"name": name}))).await;
    }
    let part = |id: u8, line: &str, body: &str| {
        format!(
            "--==x==\nContent-Type: application/http\nMIME-Version: 1.0\nContent-ID: <base+{id}>\n\n{line} HTTP/1.1\n\
             Content-Type: application/json\nHost: compute.googleapis.com\n\n{body}\n"
        )
    };
    let of = |name: &str| format!("/compute/v1/projects/demo/global/{name}?alt=json");
    let body = [
        part(0, &format!("DELETE {}", of("firewalls/a")), ""),
        part(1, &format!("DELETE {}", of("firewalls/none")), ""),
        part(2, &format!("POST {}", of("firewalls")), &firewall(json!({"name": "c"})).to_string()),
    ];
    let send = async |body: String| {
        let http = http::Request::post("https://compute.googleapis.com/batch/compute/v1")
            .header("authorization", "Bearer sre@example.com")
            .header("content-type", "multipart/mixed; boundary=\"==x==\"")
            .body(Bytes::from(body))
            .expect("a request");
        let deadline = std::time::Duration::from_secs(30);
        caller.cloud.transport().send(Request { call: "test", http, deadline }).await.expect("an answer")
    };
    let answer = send(format!("{}--==x==--", body.concat())).await;
    let kind = answer.headers()["content-type"].to_str().expect("text").to_owned();
    assert!(answer.status() == 200 && kind.starts_with("multipart/mixed; boundary="), "{kind}");
    let text = String::from_utf8(answer.into_body().to_vec()).expect("text");
    for (id, status, says) in
        [(0, "200 OK", "\"RUNNING\""), (1, "404 Not Found", "firewalls/none' was not found"), (2, "200 OK", "insert")]
    {
        let said = text.split(&format!("<response-base+{id}>")).nth(1).and_then(|rest| rest.split("--batch").next());
        let said = said.expect("a part");
        assert!(said.contains(&format!("HTTP/1.1 {status}\r\n")) && said.contains(says), "{id}: {said}");
    }
    caller.cloud.advance(std::time::Duration::from_secs(2));
    assert_eq!(names(&caller, &firewalls, "").await, ["b", "c"]);
    let calls = caller.cloud.calls();
    let deleted = calls.iter().filter(|call| call.call == "compute.firewalls.delete");
    assert!(deleted.clone().count() == 2 && deleted.into_iter().all(|call| call.caller == "sre@example.com"));
    for broken in ["", "--==x==--", "--==x==\nContent-Type: application/http\n\nDELETE\n--==x==--"] {
        assert!(matches!(send(broken.to_owned()).await.status().as_u16(), 200 | 400), "{broken}");
    }
}

#[tokio::test(start_paused = true)]
async fn projects() {
    let caller = Caller::new(world().project("second", "2").allow("second", "other@example.com", &["*"]));
    let url = "https://cloudresourcemanager.googleapis.com/v1/projects";
    for (filter, wanted) in [
        ("lifecycleState%3AACTIVE", &["demo"][..]),
        ("lifecycleState%3AACTIVE+AND+%28id%3A%22dem%2A%22%29", &["demo"]),
        ("projectId%3Ax%2A", &[]),
        ("lifecycleState%3ADELETE_REQUESTED", &[]),
    ] {
        let (_, answer) = caller.get(&format!("{url}?filter={filter}")).await;
        let projects = answer["projects"].as_array().into_iter().flatten();
        assert_eq!(projects.map(|project| &project["projectId"]).collect::<Vec<_>>(), wanted, "{filter}");
    }
    assert_eq!(caller.get(&format!("{url}?filter=%28")).await.0, 400);
}

/// In organizations and folders, which are not simulated, nobody may anything; their firewall policies can be read.
#[tokio::test(start_paused = true)]
async fn above_the_projects() {
    let rules = json!([{"priority": 1000, "action": "deny"}]);
    let policy = json!({"name": "123456789", "rules": rules});
    let path = "locations/global/firewallPolicies/123456789";
    let caller = Caller::new(world().document("compute.firewallPolicies", path, policy));
    let sinks = "https://logging.googleapis.com/v2/organizations/1/sinks";
    let compute = "https://compute.googleapis.com/compute/v1/locations/global/firewallPolicies";
    let says = "The caller does not have permission";
    let missing = "The firewall policy does not contain a rule at priority 7.";
    let get = |url: String, status: u16, reason: &'static str, says: &'static str| {
        Case(Method::GET, url, Value::Null, status, reason, says)
    };
    hold(
        &caller,
        vec![
            post(sinks, json!({}), 403, "PERMISSION_DENIED", says),
            get(format!("{sinks}/events"), 403, "PERMISSION_DENIED", says),
            get(format!("{compute}/987654321"), 404, "notFound", "firewallPolicies/987654321' was not found"),
            get(format!("{compute}/123456789/getRule?priority=7"), 400, "invalid", missing),
            get(format!("{compute}/123456789/getRule"), 400, "required", "priority"),
        ],
    )
    .await;
    let (_, rule) = caller.get(&format!("{compute}/123456789/getRule?priority=1000")).await;
    assert_eq!(rule["action"], "deny");
}
