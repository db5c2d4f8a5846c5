//! Whatever is sent is answered, in the shape of the service that was asked.

use http::Method;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{ACCESS, COMPUTE, CONNECTOR, Caller, RUN, rules::ready, world};

const NAMES: [&str; 24] = [
    "name",
    "network",
    "subnet",
    "ipCidrRange",
    "nats",
    "subnetworks",
    "sourceIpRangesToNat",
    "allowed",
    "ports",
    "direction",
    "routingConfig",
    "secondaryIpRanges",
    "template",
    "containers",
    "vpcAccess",
    "connector",
    "annotations",
    "labels",
    "metadata",
    "spec",
    "resources",
    "minInstances",
    "fingerprint",
    "etag",
];

fn anything() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "",
        "a",
        "egress",
        "projects/demo/global/networks/vpc",
        "10.8.0.0/28",
        "EGRESS",
        "é/*",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        words.prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        let fields = prop::collection::vec((prop::sample::select(NAMES.to_vec()), inner.clone()), 0..6);
        let object = fields.prop_map(|fields| {
            fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
        });
        prop_oneof![prop::collection::vec(inner, 0..4).prop_map(Value::Array), object]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn is_answered(body in anything(), query in "[a-zA-Z=&%0-9._-]{0,20}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
        runtime.block_on(async {
            let job = json!({"template": {"template": {"containers": [{"image": "a"}]}}});
            let job_path = "projects/demo/locations/europe-west1/jobs/a";
            let caller = Caller::new(world().document("vpcaccess.connectors", CONNECTOR, ready()).document("run.jobs", job_path, job));
            let namespaces = "http://europe-west1-run.googleapis.com/apis/serving.knative.dev/v1/namespaces/demo";
            for (collection, one) in [
                (format!("{COMPUTE}/global/networks"), "vpc"),
                (format!("{COMPUTE}/global/firewalls"), "a"),
                (format!("{COMPUTE}/global/routes"), "default-route-vpc"),
                (format!("{COMPUTE}/regions/europe-west1/subnetworks"), "egress"),
                (format!("{COMPUTE}/regions/europe-west1/routers"), "a"),
                (format!("{ACCESS}/connectors"), "egress"),
                (format!("{RUN}/jobs"), "a"),
                (format!("{RUN}/services"), "a"),
                (format!("{namespaces}/jobs"), "a"),
                (format!("{namespaces}/services"), "a"),
            ] {
                let calls = [(Method::POST, collection.clone()), (Method::PATCH, format!("{collection}/{one}")), (Method::PUT, format!("{collection}/{one}"))];
                for (method, url) in calls {
                    let (status, answer) = caller.send(method, &format!("{url}?jobId=b&{query}"), body.clone()).await;
                    assert!((200..500).contains(&status), "{url}: {answer}");
                    assert_eq!(status == 200, answer["error"].is_null(), "{url}: {answer}");
                }
            }
            caller.cloud.world().written();
        });
    }
}
