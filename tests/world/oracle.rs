//! What the program sends, read by Google's own message types: nothing is lost, and nothing is unknown.

use std::{collections::BTreeSet, fmt::Debug, time::Duration};

use google_cloud_compute_v1::model::{Firewall, Network, Router, Subnetwork};
use google_cloud_vpcaccess_v1::model::Connector;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::lab::{ENFORCE, Lab, policy, world};

/// A body as Google's type writes it again. A field the type does not know is kept by it, and shows in its debug form.
fn again<T: Serialize + DeserializeOwned + Debug>(body: &Value) -> Value {
    let message: T = serde_json::from_value(body.clone()).unwrap_or_else(|error| panic!("{body}: {error}"));
    assert!(!format!("{message:?}").contains("_unknown_fields"), "{message:?}");
    serde_json::to_value(message).unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_body_is_one_of_googles_messages() {
    let world = world().document("run.jobs", JOB, job());
    let lab = Lab::new(world, &policy(ENFORCE).replace("{name: my-vpc}", "{name: own-vpc, create: true}"));
    for _ in 0..3 {
        lab.run().await;
        tokio::time::sleep(Duration::from_secs(130)).await;
    }
    let mut seen = BTreeSet::new();
    for call in lab.cloud.calls().into_iter().filter(|call| call.body.is_object()) {
        let again = match call.call.as_str() {
            "compute.networks.insert" => again::<Network>(&call.body),
            "compute.subnetworks.insert" => again::<Subnetwork>(&call.body),
            "compute.routers.insert" => again::<Router>(&call.body),
            "compute.firewalls.insert" | "compute.firewalls.patch" => again::<Firewall>(&call.body),
            "vpcaccess.projects.locations.connectors.create" => again::<Connector>(&call.body),
            other => panic!("{other} has no message here"),
        };
        assert_eq!(again, call.body, "{}", call.call);
        seen.insert(call.call);
    }
    assert_eq!(seen.len(), 6, "{seen:?}");
}

const JOB: &str = "projects/demo-project/locations/europe-west2/jobs/nightly";

/// A job whose connector is gone.
fn job() -> Value {
    let connector = "projects/demo-project/locations/europe-west2/connectors/conn";
    serde_json::json!({
        "name": JOB,
        "template": {"template": {"containers": [{"image": "image"}], "vpcAccess": {"connector": connector, "egress": "ALL_TRAFFIC"}}},
    })
}
