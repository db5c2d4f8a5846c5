//! What the program sends, read by Google's own message types: nothing is lost, and nothing is unknown.

use std::{collections::BTreeSet, fmt::Debug, time::Duration};

use egress_reconciler::google::{client::Client, credentials::Credentials, endpoints::Endpoints};
use google_cloud_compute_v1::model::{
    Firewall, Network, Router, Subnetwork, SubnetworksSetPrivateIpGoogleAccessRequest as PrivateGoogleAccess,
};
use google_cloud_vpcaccess_v1::model::Connector;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use uuid::Uuid;

use crate::lab::{ENFORCE, PROJECT, REGION, TestCloud, policy, world};

/// A body as Google's type writes it again. A field the type does not know is kept by it, and shows in its debug form.
fn again<T: Serialize + DeserializeOwned + Debug>(body: &Value) -> Value {
    let message: T = serde_json::from_value(body.clone()).unwrap_or_else(|error| panic!("{body}: {error}"));
    assert!(!format!("{message:?}").contains("_unknown_fields"), "{message:?}");
    serde_json::to_value(message).unwrap()
}

/// A body, read and written by the message that its call takes.
fn by_google(call: &str, body: &Value) -> Value {
    match call {
        "compute.networks.insert" => again::<Network>(body),
        "compute.subnetworks.insert" => again::<Subnetwork>(body),
        "compute.subnetworks.setPrivateIpGoogleAccess" => again::<PrivateGoogleAccess>(body),
        "compute.routers.insert" | "compute.routers.patch" => again::<Router>(body),
        "compute.firewalls.insert" | "compute.firewalls.patch" => again::<Firewall>(body),
        "vpcaccess.projects.locations.connectors.create" | "vpcaccess.projects.locations.connectors.patch" => {
            again::<Connector>(body)
        }
        other => panic!("{other} has no message here"),
    }
}

#[tokio::test(start_paused = true)]
async fn every_body_is_one_of_googles_messages() {
    let world = world().document("run.jobs", JOB, job());
    let before = policy(ENFORCE).replace("{name: my-vpc}", "{name: own-vpc, create: true}");
    let lab = TestCloud::new(world, &before);
    let settle = async || {
        for _ in 0..3 {
            lab.run().await;
            tokio::time::sleep(Duration::from_secs(130)).await;
        }
    };
    settle().await;
    // What is there is put right, too: a router that lost its NAT, a connector that is to be larger.
    let router = "https://compute.googleapis.com/compute/v1/projects/demo-project/regions/europe-west2/routers/egress-own-vpc-europe-west2";
    assert_eq!(lab.call("PATCH", router, json!({"nats": []})).await.status(), 200);
    lab.change_policy(&before.replace("connector: {", "connector: {max_instances: 5, ")).await;
    settle().await;
    // No plan makes this call: a subnet that is made has it from the beginning.
    let client = Client::new(
        lab.cloud.transport(),
        Endpoints::from_lookup(&|_| None).unwrap(),
        Credentials::literal("runner@demo-project.iam.gserviceaccount.com").unwrap(),
    );
    let subnet = "egress-conn-europe-west2";
    client.set_private_ip_google_access(PROJECT, REGION, subnet, true, Uuid::nil()).await.unwrap();
    let mut seen = BTreeSet::new();
    let ours = |caller: &str| caller.starts_with("runner@");
    for call in lab.cloud.calls().into_iter().filter(|call| call.body.is_object() && ours(&call.caller)) {
        assert_eq!(by_google(&call.call, &call.body), call.body, "{}", call.call);
        seen.insert(call.call);
    }
    assert_eq!(seen.len(), 9, "{seen:?}");
}

const JOB: &str = "projects/demo-project/locations/europe-west2/jobs/nightly";

/// A job whose connector is gone.
fn job() -> Value {
    let connector = "projects/demo-project/locations/europe-west2/connectors/conn";
    json!({
        "name": JOB,
        "template": {"template": {"containers": [{"image": "image"}], "vpcAccess": {"connector": connector, "egress": "ALL_TRAFFIC"}}},
    })
}
