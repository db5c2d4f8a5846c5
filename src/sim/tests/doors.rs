//! The same world through its other doors: HTTP, the control endpoints, gRPC.

use axum::body::Body;
use google_cloud_auth::credentials::anonymous;
use google_cloud_pubsub::{client::Publisher, model::Message};
use http::{Method, Request};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{Caller, cloud, world};
use crate::sim::cloud::Cloud;

async fn ask(cloud: &Cloud, method: Method, url: &str, body: Value) -> (u16, Value) {
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    let request = Request::builder().method(method).uri(url);
    let response = cloud.router().oneshot(request.body(body).expect("a request")).await.expect("an answer");
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn a_service_is_known_by_prefix_by_host_and_by_look() {
    let cloud = cloud(world());
    for (url, method) in [
        ("/compute/v1/projects/demo/global/networks", "compute.networks.list"),
        (
            "/compute/beta/projects/demo/global/networks?$alt=json&$apiVersion=2026-09-01&prettyPrint=false",
            "compute.networks.list",
        ),
        ("/svc/compute/compute/v1/projects/123456789012/global/networks/vpc", "compute.networks.get"),
        ("http://compute.googleapis.com/compute/v1/projects/demo/regions", "compute.regions.list"),
        ("/v1/projects/demo/locations/europe-west1/connectors", "vpcaccess.projects.locations.connectors.list"),
        ("/svc/vpcaccess/v1/projects/demo/locations", "vpcaccess.projects.locations.list"),
        ("http://vpcaccess.googleapis.com/v1/projects/demo/locations", "vpcaccess.projects.locations.list"),
        ("/v1/projects/demo/locations", "run.projects.locations.list"),
        ("/v2/projects/demo/locations/europe-west1/jobs", "run.projects.locations.jobs.list"),
        ("/v2/projects/demo/locations/europe-west1/workerPools", "run.projects.locations.workerPools.list"),
        ("/v1/projects/demo/services?filter=state:ENABLED", "serviceusage.services.list"),
        (
            "/v1/projects/demo/services:batchGet?names=projects%2Fdemo%2Fservices%2Frun.googleapis.com",
            "serviceusage.services.batchGet",
        ),
        ("/v3/projects/demo", "cloudresourcemanager.projects.get"),
    ] {
        let (status, answer) = ask(&cloud, Method::GET, url, Value::Null).await;
        assert_eq!(status, 200, "{url}: {answer}");
        let calls = cloud.calls();
        assert_eq!(calls.last().map(|call| call.call.as_str()), Some(method), "{url}");
    }
    for url in [
        "/",
        "/compute/v1/projects/demo/global/cats",
        "/v9",
        "/svc/mail/v1/x",
        "/compute/v1/projects/%ff/global/networks",
    ] {
        assert_eq!(ask(&cloud, Method::GET, url, Value::Null).await.0, 404, "{url}");
    }
    assert_eq!(ask(&cloud, Method::PUT, "/v2/projects/demo/locations/europe-west1/jobs", Value::Null).await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn the_world_in_the_hand() {
    let cloud = cloud(world());
    let fault = json!({"method": "compute.networks.get", "nth": "all", "kind": "refuse", "status": 503});
    let (status, laid) = ask(&cloud, Method::POST, "/sim/faults", fault).await;
    assert_eq!((status, &laid["id"]), (201, &json!("fault-1")));
    let network = "/compute/v1/projects/demo/global/networks/vpc";
    assert_eq!(ask(&cloud, Method::GET, network, Value::Null).await.0, 503);
    assert_eq!(ask(&cloud, Method::DELETE, "/sim/faults", Value::Null).await.0, 204);
    assert_eq!(ask(&cloud, Method::GET, network, Value::Null).await.0, 200);
    let (_, calls) = ask(&cloud, Method::GET, "/sim/calls", Value::Null).await;
    let statuses: Vec<_> = calls.as_array().expect("calls").iter().map(|call| call["status"].as_u64()).collect();
    assert_eq!(statuses, [Some(503), Some(200)]);
    assert_eq!(calls[0]["call"], "compute.networks.get");
    assert_eq!(calls[0]["url"], network);
    assert_eq!(ask(&cloud, Method::DELETE, "/sim/calls", Value::Null).await.0, 204);
    assert_eq!(ask(&cloud, Method::GET, "/sim/calls", Value::Null).await.1, json!([]));
    let (status, advanced) = ask(&cloud, Method::POST, "/sim/advance", json!({"seconds": 90})).await;
    assert_eq!((status, &advanced["now"]), (200, &json!("2026-03-02T10:01:30Z")));
    let (_, world) = ask(&cloud, Method::GET, "/sim/world", Value::Null).await;
    assert_eq!((&world["version"], &world["projects"]["demo"]["number"]), (&json!(1), &json!("123456789012")));
    assert_eq!(world["resources"]["compute.networks"][0]["name"], "vpc");
    let bad = [
        ("/sim/faults", json!({"kind": "thunder"})),
        ("/sim/faults", json!({})),
        ("/sim/advance", json!({"seconds": -1})),
    ];
    for (url, body) in bad {
        assert_eq!(ask(&cloud, Method::POST, url, body).await.0, 400, "{url}");
    }
}

/// Google's own client must not notice; that takes a socket.
#[tokio::test]
async fn googles_publisher_publishes() {
    let topic = "projects/demo/topics/reports";
    let caller = Caller::new(world().topic(topic));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let router = caller.cloud.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let publisher = async |topic: &str| {
        let publisher =
            Publisher::builder(topic).with_endpoint(&endpoint).with_credentials(anonymous::Builder::new().build());
        publisher.set_message_count_threshold(1_u32).build().await.expect("a publisher")
    };
    let message = Message::new().set_data("hello").set_attributes([("ce-subject", "changed")]);
    let id = publisher(topic).await.publish(message.clone()).await.expect("published");
    let published = caller.cloud.published();
    assert_eq!((published[0].message_id.as_str(), published[0].data.as_str()), (id.as_str(), "aGVsbG8="));
    assert_eq!(published[0].attributes["ce-subject"], "changed");
    assert!(publisher("projects/demo/topics/none").await.publish(message).await.is_err());
    let statuses: Vec<_> = caller.cloud.calls().iter().map(|call| (call.call.clone(), call.status)).collect();
    assert_eq!(statuses, [("pubsub.publish".to_owned(), 200), ("pubsub.publish".to_owned(), 404)]);
}
