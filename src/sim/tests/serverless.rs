//! The rules of VPC Access and Cloud Run, each once.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::sim::cloud::{Cloud, Options};

use super::{
    ACCESS, CONNECTOR, Caller, RUN, connector, job, options,
    rules::{Case, hold, post, ready},
    world,
};

#[tokio::test(start_paused = true)]
async fn connectors() {
    let caller = Caller::new(world());
    let url = |id: &str| format!("{ACCESS}/connectors?connectorId={id}");
    let refused = |body: Value, says: &'static str| post(url("other"), body, 400, "INVALID_ARGUMENT", says);
    let cidr = |range: &str| json!({"network": "vpc", "ipCidrRange": range, "minInstances": 2, "maxInstances": 3});
    let sized = |more: Value| {
        let mut body = json!({"subnet": {"name": "egress"}});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        body
    };
    hold(
        &caller,
        vec![
            post(
                url("X"),
                connector(),
                400,
                "INVALID_ARGUMENT",
                "Connector ID must follow the pattern ^[a-z][-a-z0-9]{0,23}[a-z0-9]$",
            ),
            post(url("a-name-longer-than-25-chars"), connector(), 400, "INVALID_ARGUMENT", "Connector ID"),
            refused(json!({"network": "vpc"}), "must be given"),
            refused(
                json!({"ipCidrRange": "10.9.0.0/28", "subnet": {"name": "egress"}}),
                "cannot be given with a subnet",
            ),
            refused(cidr("10.9.0.0/24"), "/28"),
            refused(sized(json!({"minInstances": 3, "maxInstances": 3})), "less than maximum"),
            refused(sized(json!({"minInstances": 1, "maxInstances": 3})), "between 2 and 9"),
            refused(
                sized(json!({"minThroughput": 250, "maxThroughput": 300})),
                "minimum throughput must be a multiple of 100 between 200 and 1000 in Mbps",
            ),
            refused(sized(json!({"maxInstances": 3, "machineType": "n1"})), "machine type"),
            refused(sized(json!({"labels": {}})), "Unknown name \"labels\" at 'connector'"),
            refused(sized(json!({"maxInstances": "three"})), "Invalid value at 'connector.maxInstances' (TYPE_INT32)"),
            Case(
                Method::GET,
                format!("{ACCESS}/connectors/none"),
                Value::Null,
                404,
                "NOT_FOUND",
                "The connector is not found.",
            ),
        ],
    )
    .await;
    caller.done(Method::POST, &url("first"), connector()).await;
    let wide = json!({"name": "wide", "network": super::network(), "ipCidrRange": "10.9.0.0/24"});
    caller.done(Method::POST, &format!("{}/regions/europe-west1/subnetworks", super::COMPUTE), wide).await;
    // What is wrong with the place shows in the operation, and a broken connector stays.
    for (id, body, says) in [
        (
            "conflict",
            cidr("10.8.0.0/28"),
            "It conflicts with an existing subnetwork. Please delete the connector manually.",
        ),
        (
            "not-a-28",
            json!({"subnet": {"name": "wide"}, "minInstances": 2, "maxInstances": 3}),
            "The subnetwork 'projects/demo/regions/europe-west1/subnetworks/wide' must have a /28 range.",
        ),
        ("shared", connector(), "is already used by 'projects/demo/locations/europe-west1/connectors/first'."),
        (
            "unbounded",
            json!({"subnet": {"name": "egress"}}),
            "A Connector must specify either max_throughput or max_instances.",
        ),
    ] {
        let (_, operation) = caller.send(Method::POST, &url(id), body).await;
        caller.cloud.advance(Duration::from_secs(66));
        let (_, operation) = caller
            .get(&format!("https://vpcaccess.googleapis.com/v1/{}", operation["name"].as_str().expect("a name")))
            .await;
        assert_eq!((&operation["done"], &operation["error"]["code"]), (&json!(true), &json!(3)));
        assert!(operation["error"]["message"].as_str().expect("a message").contains(says), "{operation}");
        assert_eq!(caller.get(&format!("{ACCESS}/connectors/{id}")).await.1["state"], "ERROR");
        assert_eq!(caller.send(Method::DELETE, &format!("{ACCESS}/connectors/{id}"), Value::Null).await.0, 200);
        caller.cloud.advance(Duration::from_secs(66));
        assert_eq!(caller.get(&format!("{ACCESS}/connectors/{id}")).await.0, 404);
    }
}

#[tokio::test(start_paused = true)]
async fn a_connector_through_its_life() {
    let caller = Caller::new(world());
    let url = format!("{ACCESS}/connectors?connectorId=egress");
    let one = format!("{ACCESS}/connectors/egress");
    assert_eq!(caller.send(Method::POST, &url, connector()).await.0, 200);
    let (_, list) = caller.get("https://vpcaccess.googleapis.com/v1/projects/demo/locations/-/connectors").await;
    assert_eq!(list["connectors"][0]["name"], CONNECTOR);
    hold(
        &caller,
        vec![
            post(&url, connector(), 409, "ALREADY_EXISTS", "already exists"),
            Case(Method::DELETE, one.clone(), Value::Null, 409, "ABORTED", "another operation"),
        ],
    )
    .await;
    caller.cloud.advance(Duration::from_secs(66));
    hold(
        &caller,
        vec![
            Case(
                Method::PATCH,
                format!("{one}?updateMask=maxInstances"),
                json!({"maxInstances": 2}),
                400,
                "INVALID_ARGUMENT",
                "scaled in",
            ),
            Case(
                Method::PATCH,
                format!("{one}?updateMask=network"),
                json!({"network": "x"}),
                400,
                "INVALID_ARGUMENT",
                "immutable",
            ),
        ],
    )
    .await;
    let (status, _) = caller
        .send(
            Method::PATCH,
            &format!("{one}?updateMask=min_instances,max_instances"),
            json!({"minInstances": 3, "maxInstances": 5}),
        )
        .await;
    assert_eq!((status, &caller.get(&one).await.1["state"]), (200, &json!("UPDATING")));
    caller.cloud.advance(Duration::from_secs(66));
    let (_, read) = caller.get(&one).await;
    assert_eq!(
        (&read["state"], &read["maxInstances"], &read["maxThroughput"]),
        (&json!("READY"), &json!(5), &json!(500))
    );
    assert_eq!(caller.send(Method::DELETE, &one, Value::Null).await.0, 200);
    assert_eq!(caller.get(&one).await.1["state"], "DELETING");
    hold(&caller, vec![post(&url, connector(), 409, "ALREADY_EXISTS", "")]).await;
}

#[tokio::test(start_paused = true)]
async fn one_sentence_for_three_causes() {
    let standing = || world().document("vpcaccess.connectors", CONNECTOR, ready());
    let agent = "service-123456789012@serverless-robot-prod.iam.gserviceaccount.com";
    let cases = [
        (standing(), 200),
        (world(), 400),
        (standing().without_api("demo", "vpcaccess.googleapis.com"), 400),
        (standing().allow("demo", "sre@example.com", &["*"]).allow("demo", agent, &["compute.*"]), 400),
        (standing().allow("demo", "sre@example.com", &["*"]), 200),
    ];
    for (i, (world, status)) in cases.into_iter().enumerate() {
        let caller = Caller::new(world);
        for (kind, body) in [
            ("jobs?jobId=a", job(CONNECTOR)),
            ("services?serviceId=a", json!({"template": job(CONNECTOR)["template"]["template"]})),
        ] {
            let (got, answer) = caller.send(Method::POST, &format!("{RUN}/{kind}"), body).await;
            assert_eq!(got, status, "case {i}, {kind}: {answer}");
            let message = answer["error"]["message"].as_str().unwrap_or_default();
            assert_eq!(
                message.contains("does not exist, or Cloud Run does not have permission to use it."),
                status == 400
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn workloads() {
    let caller = Caller::new(world());
    let jobs = format!("{RUN}/jobs?jobId=nightly");
    let plain = json!({"template": {"template": {"containers": [{"image": "a"}]}}});
    let mut both = job(CONNECTOR);
    both["template"]["template"]["vpcAccess"]["networkInterfaces"] = json!([{"network": "vpc"}]);
    let wildcard = |kind: &str| {
        let url = format!("https://run.googleapis.com/v2/projects/demo/locations/-/{kind}");
        Case(Method::GET, url, Value::Null, 400, "INVALID_ARGUMENT", "cannot be the \"-\" wildcard")
    };
    hold(
        &caller,
        vec![
            post(
                &jobs,
                both,
                400,
                "INVALID_ARGUMENT",
                "one and only one of connector and network_interfaces must be set",
            ),
            post(&jobs, json!({"template": {}}), 400, "INVALID_ARGUMENT", "container"),
            post(
                &jobs,
                json!({"template": {"template": {"containers": [{"image": "a", "imagePullPolicy": "Always"}]}}}),
                400,
                "INVALID_ARGUMENT",
                "Unknown name \"imagePullPolicy\" at 'job.template.template.containers[0]'",
            ),
            Case(
                Method::GET,
                format!("{RUN}/jobs/nightly"),
                Value::Null,
                404,
                "NOT_FOUND",
                "Resource 'nightly' of kind 'JOB' in region 'europe-west1' in project 'demo' does not exist.",
            ),
            wildcard("jobs"),
            wildcard("services"),
            wildcard("workerPools"),
            post(
                &jobs,
                json!({"template": {"template": {"containers": [{"image": "a"}], "vpcAccess": {"egress": "SOME"}}}}),
                400,
                "INVALID_ARGUMENT",
                "Invalid value at 'job.template.template.vpcAccess.egress' (TYPE_ENUM)",
            ),
            Case(
                Method::GET,
                "https://run.googleapis.com/v2/projects/demo/locations/mars/jobs".to_owned(),
                Value::Null,
                400,
                "INVALID_ARGUMENT",
                "Unsupported region mars",
            ),
        ],
    )
    .await;
    // Validation alone leaves nothing behind but an audit entry that says so.
    let (status, _) = caller.send(Method::POST, &format!("{jobs}&validateOnly=true"), plain.clone()).await;
    assert_eq!((status, caller.get(&format!("{RUN}/jobs/nightly")).await.0), (200, 404));
    caller.cloud.advance(Duration::from_secs(3));
    let entry = caller.cloud.audit_entries().pop().expect("an entry");
    assert_eq!(entry["protoPayload"]["request"]["validateOnly"], true);

    caller.done(Method::POST, &jobs, plain.clone()).await;
    hold(&caller, vec![post(&jobs, plain.clone(), 409, "ALREADY_EXISTS", "already exists")]).await;
    caller.done(Method::PATCH, &format!("{RUN}/jobs/nightly"), plain).await;
    let (_, read) = caller.get(&format!("{RUN}/jobs/nightly")).await;
    assert_eq!((&read["generation"], &read["observedGeneration"]), (&json!("2"), &json!("2")));
    let operation = caller.done(Method::DELETE, &format!("{RUN}/jobs/nightly"), Value::Null).await;
    assert!(operation["metadata"]["expireTime"].is_string());
    assert_eq!(caller.get(&format!("{RUN}/jobs/nightly")).await.0, 404);
}

/// What gcloud sends, through a proxy and to a regional host.
#[tokio::test(start_paused = true)]
async fn the_older_face_of_cloud_run() {
    let caller = Caller::new(world().document("vpcaccess.connectors", CONNECTOR, ready()));
    let url = "http://europe-west1-run.googleapis.com/apis/run.googleapis.com/v1/namespaces/demo/jobs";
    let body = |connector: &str| {
        json!({
            "apiVersion": "run.googleapis.com/v1",
            "kind": "Job",
            "metadata": {"name": "nightly", "namespace": "demo", "labels": {"team": "data"}},
            "spec": {"template": {
                "metadata": {"annotations": {
                    "run.googleapis.com/vpc-access-connector": connector,
                    "run.googleapis.com/vpc-access-egress": "all-traffic",
                }},
                "spec": {"template": {"spec": {"containers": [{"image": "a"}], "timeoutSeconds": "60"}}},
            }},
        })
    };
    let sentence = "VPC connector projects/demo/locations/europe-west1/connectors/none does not exist, or";
    hold(&caller, vec![post(url, body("none"), 400, "INVALID_ARGUMENT", sentence)]).await;
    caller.cloud.advance(Duration::from_secs(1));
    let entry = caller.cloud.audit_entries().pop().expect("an entry");
    assert_eq!(entry["protoPayload"]["methodName"], "google.cloud.run.v1.Jobs.CreateJob");
    assert_eq!(entry["protoPayload"]["resourceName"], "namespaces/demo/jobs/nightly");
    assert_eq!(entry["protoPayload"]["request"]["job"], body("none"));
    assert_eq!(entry["protoPayload"]["request"]["region"], "europe-west1");

    let created = caller.done(Method::POST, url, body("egress")).await;
    assert_eq!(created["status"]["conditions"][0]["status"], "Unknown");
    caller.cloud.advance(Duration::from_secs(1));
    let (_, v1) = caller.get(&format!("{url}/nightly")).await;
    assert_eq!(v1["status"]["conditions"][0]["status"], "True");
    let (_, v2) = caller.get(&format!("{RUN}/jobs/nightly")).await;
    let access = json!({"connector": CONNECTOR, "egress": "ALL_TRAFFIC"});
    assert_eq!((&v2["template"]["template"]["vpcAccess"], &v2["labels"]), (&access, &json!({"team": "data"})));
    caller.done(Method::PUT, &format!("{url}/nightly"), v1).await;
    assert_eq!(caller.get(&format!("{RUN}/jobs/nightly")).await.1["generation"], "2");
    let (_, list) = caller.get("http://run.googleapis.com/apis/run.googleapis.com/v1/namespaces/demo/jobs").await;
    assert_eq!((&list["kind"], &list["items"][0]["metadata"]["name"]), (&json!("JobList"), &json!("nightly")));
    caller.done(Method::DELETE, &format!("{url}/nightly"), Value::Null).await;
    caller.cloud.advance(Duration::from_secs(1));
    assert_eq!(caller.get(&format!("{url}/nightly")).await.0, 404);
}

/// How long things take is set: with nothing, what was just accepted is read as done.
#[tokio::test(start_paused = true)]
async fn times() {
    let with = |options: Options| Caller { cloud: Cloud::new(world(), options, None).expect("a world"), name: "sre" };
    let at = |path: &str| format!("{ACCESS}/connectors{path}");
    let zero = Duration::ZERO;
    let caller = with(Options { connector: zero, operation: zero, settling: zero, lag: zero, ..options() });
    assert_eq!(caller.send(Method::POST, &at("?connectorId=egress"), connector()).await.0, 200);
    assert_eq!(caller.get(&at("/egress")).await.1["state"], "READY");
    assert_eq!(caller.send(Method::POST, &format!("{RUN}/jobs?jobId=nightly"), job(CONNECTOR)).await.0, 200);
    let settled = caller.get(&format!("{RUN}/jobs/nightly")).await.1;
    assert_eq!(settled["terminalCondition"]["state"], "CONDITION_SUCCEEDED");

    let caller = with(Options { connector: zero, lag: Duration::from_secs(15), ..options() });
    assert_eq!(caller.send(Method::POST, &at("?connectorId=egress"), connector()).await.0, 200);
    for (wait, state) in [(14, "CREATING"), (1, "READY")] {
        tokio::time::sleep(Duration::from_secs(wait)).await;
        assert_eq!(caller.get(&at("/egress")).await.1["state"], state);
    }
}

/// gcloud names Cloud SQL instances in an annotation of version 1, which is a volume in version 2.
#[tokio::test(start_paused = true)]
async fn cloud_sql_connections_are_volumes_in_v2() {
    let caller = Caller::new(world());
    let annotations = json!({"run.googleapis.com/cloudsql-instances": "demo:europe-west1:a,demo:europe-west1:b"});
    let service = json!({
        "apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "shop", "namespace": "demo"},
        "spec": {"template": {"metadata": {"annotations": annotations}, "spec": {"containers": [{"image": "i"}]}}},
    });
    let v1 = "https://europe-west1-run.googleapis.com/apis/serving.knative.dev/v1/namespaces/demo/services";
    let (status, made) = caller.send(Method::POST, v1, service).await;
    assert_eq!(status, 200, "{made}");
    caller.cloud.advance(Duration::from_secs(60));
    let (_, v2) = caller.get(&format!("{RUN}/services/shop")).await;
    let volume = json!([{"name": "cloudsql", "cloudSqlInstance": {"instances": ["demo:europe-west1:a", "demo:europe-west1:b"]}}]);
    assert_eq!(v2["template"]["volumes"], volume, "{v2}");
    let (_, v1) = caller.get(&format!("{v1}/shop")).await;
    let template = &v1["spec"]["template"];
    assert_eq!(
        template["metadata"]["annotations"]["run.googleapis.com/cloudsql-instances"],
        annotations["run.googleapis.com/cloudsql-instances"]
    );
    assert_eq!(template["spec"]["volumes"], Value::Null, "{v1}");
}
