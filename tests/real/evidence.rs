//! The commands that `explain` gives as evidence, said to the real gcloud.

use std::{fs, process::Command};

use serde_json::Value;

use super::gcloud::{Gcloud, said};

const POLICY: &str = "version: 1\nowner: team\nmode: enforce\n\
    scope: {projects: [demo-project], regions: [europe-west2]}\nnetwork: {name: my-vpc}\n\
    connector: {subnet_pools: [10.8.0.0/20]}\nfirewall: {enforcement: enforce, adopt: ['*']}\n";

fn explained(gcloud: &Gcloud, policy: &str) -> Vec<Value> {
    gcloud.settle();
    let place = ["--project=demo-project", "--region=europe-west2", "--format=json", "--policy", policy];
    let output = gcloud.command(env!("CARGO_BIN_EXE_egress-reconciler")).arg("explain").args(place).output().unwrap();
    let paths: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    let destinations = paths.as_array().unwrap().iter().flat_map(|path| path["destinations"].as_array().unwrap());
    destinations.flat_map(|destination| destination["hops"].as_array().unwrap()).cloned().collect()
}

/// Users that gcloud cannot deploy to the simulated Google.
const WORLD: &str = r#"{
    "version": 1, "seed": 1, "now": "2026-11-28T00:00:00Z", "regions": ["europe-west2"],
    "projects": {"demo-project": {"number": "123456789012"}},
    "resources": {
        "compute.networks": [{"name": "my-vpc", "selfLink": "projects/demo-project/global/networks/my-vpc"}],
        "vpcaccess.connectors": [{
            "name": "projects/demo-project/locations/europe-west2/connectors/conn", "state": "READY", "network": "my-vpc",
            "ipCidrRange": "10.9.0.0/28", "minInstances": 2, "maxInstances": 3, "machineType": "e2-micro"
        }],
        "run.jobs": [{
            "name": "projects/demo-project/locations/europe-west2/jobs/nightly",
            "template": {"template": {"containers": [{"image": "app"}]}}, "latestCreatedExecution": {"name": "nightly-abc"}
        }],
        "run.executions": [{
            "name": "projects/demo-project/locations/europe-west2/jobs/nightly/executions/nightly-abc", "job": "nightly",
            "template": {"containers": [{"image": "app"}], "vpcAccess": {"connector": "conn"}}
        }],
        "cloudfunctions.functions": [{
            "name": "projects/demo-project/locations/europe-west2/functions/resize", "status": "ACTIVE", "httpsTrigger": {},
            "vpcConnector": "projects/demo-project/locations/europe-west2/connectors/conn"
        }],
        "appengine.apps": [{"name": "apps/demo-project", "id": "demo-project", "locationId": "europe-west2"}],
        "appengine.services": [{
            "name": "apps/demo-project/services/default", "id": "default", "split": {"allocations": {"v1": 1}}
        }],
        "appengine.versions": [{
            "name": "apps/demo-project/services/default/versions/v1", "id": "v1", "runtime": "python312",
            "env": "standard", "servingStatus": "SERVING", "createTime": "2026-11-01T00:00:00Z",
            "vpcAccessConnector": {
                "name": "projects/demo-project/locations/europe-west2/connectors/conn", "egressSetting": "ALL_TRAFFIC"
            }
        }],
        "run.services": [{
            "name": "projects/demo-project/locations/europe-west2/services/shop",
            "template": {"containers": [{"image": "app"}], "vpcAccess": {"connector": "conn"}}
        }],
        "run.revisions": [{
            "name": "projects/demo-project/locations/europe-west2/services/shop/revisions/shop-00001-abc",
            "service": "shop", "createTime": "2026-11-01T00:00:00Z", "containers": [{"image": "app"}],
            "vpcAccess": {"connector": "conn"}
        }],
        "run.workerPools": [{
            "name": "projects/demo-project/locations/europe-west2/workerPools/queue",
            "template": {"containers": [{"image": "app"}], "vpcAccess": {"connector": "conn"}}
        }]
    }
}"#;

/// Each command is one that gcloud knows, and shows the object that the hop is about.
fn hold(gcloud: &Gcloud, hops: &[Value], kinds: &[&str]) {
    let mut seen: Vec<(String, String)> = Vec::new();
    for hop in hops {
        let (Some(kind), Some(evidence)) = (hop["kind"].as_str(), hop["evidence"].as_str()) else { continue };
        if seen.iter().any(|(_, command)| command == evidence) {
            continue;
        }
        seen.push((kind.to_owned(), evidence.to_owned()));
        let mut words = evidence.split(' ');
        let output = Command::args(&mut gcloud.command(words.next().unwrap()), words).output().unwrap();
        assert!(output.status.success(), "{evidence}\n{}", said(&output));
        let name = hop["resource"].as_str().filter(|_| hop["state"] == "ok").and_then(|name| name.rsplit('/').next());
        let by_name = !matches!(kind, "firewall" | "nat");
        assert!(name.is_none_or(|name| !by_name || said(&output).contains(name)), "{hop}\n{}", said(&output));
    }
    for kind in kinds {
        assert!(seen.iter().any(|(of, _)| of == kind), "no evidence for {kind}: {seen:?}");
    }
}

#[test]
fn evidence_of_a_path_before_and_after() {
    let gcloud = Gcloud::new();
    let run = |line: &str| {
        gcloud.settle();
        let output = gcloud.command("gcloud").args(line.split(' ')).output().unwrap();
        assert!(output.status.success(), "{line}\n{}", said(&output));
    };
    run("compute networks subnets create conn --network=my-vpc --region=europe-west2 --range=10.9.0.0/28");
    run("compute networks vpc-access connectors create conn --region=europe-west2 --subnet=conn");
    run(
        "run jobs create nightly --image=europe-docker.pkg.dev/demo-project/app/a:1 --region=europe-west2 --vpc-connector=conn --vpc-egress=all-traffic",
    );
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.yaml");
    fs::write(&policy, POLICY).unwrap();
    let policy = policy.to_str().unwrap();

    let before = explained(&gcloud, policy);
    assert!(before.iter().any(|hop| hop["code"] == "NO_EXTERNAL_ADDRESS"), "{before:#?}");
    hold(&gcloud, &before, &["workload", "connector", "subnet", "nat", "firewall"]);
    let place = ["--project=demo-project", "--region=europe-west2", "--policy", policy];
    let applied = gcloud.command(env!("CARGO_BIN_EXE_egress-reconciler")).arg("apply").args(place).output().unwrap();
    assert!(applied.status.success(), "{}", said(&applied));
    let after = explained(&gcloud, policy);
    assert!(after.iter().all(|hop| hop["code"] != "NO_EXTERNAL_ADDRESS"), "{after:#?}");
    hold(&gcloud, &after, &["workload", "connector", "subnet", "nat", "firewall"]);
}

#[test]
fn evidence_of_other_users() {
    let folder = tempfile::tempdir().unwrap();
    let (policy, world) = (folder.path().join("policy.yaml"), folder.path().join("world.json"));
    fs::write(&policy, POLICY).unwrap();
    fs::write(&world, WORLD).unwrap();
    let gcloud = Gcloud::with(&["--world", world.to_str().unwrap()]);
    let hops = explained(&gcloud, policy.to_str().unwrap());
    let named = |name: &str| hops.iter().any(|hop| hop["resource"].as_str().is_some_and(|it| it.ends_with(name)));
    assert!(named("jobs/nightly") && named("functions/resize") && named("versions/v1"), "{hops:#?}");
    // Worker pools are described by gRPC alone.
    let hops: Vec<Value> =
        hops.into_iter().filter(|hop| !hop["evidence"].to_string().contains("worker-pools")).collect();
    hold(&gcloud, &hops, &["workload", "connector"]);
    gcloud.hold(&[
        ("functions list", 0, &["resize", "ACTIVE"]),
        ("app services list", 0, &["default"]),
        ("app versions list", 0, &["default", "v1", "SERVING"]),
        ("run jobs executions list --job=nightly --region=europe-west2", 0, &["nightly-abc"]),
        ("run jobs executions describe nightly-abc --region=europe-west2", 0, &["Execution nightly-abc"]),
        ("run revisions list --service=shop --region=europe-west2", 0, &["shop-00001-abc"]),
        ("run services update shop --region=europe-west2 --update-env-vars=A=B", 0, &["serving"]),
        ("run services update-traffic shop --region=europe-west2 --to-latest", 0, &["100%"]),
        ("beta run worker-pools list --region=europe-west2", 0, &["queue"]),
    ]);
}
