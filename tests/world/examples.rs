//! What each policy of `deploy/examples` plans, over a world such as its first lines tell of.

use std::{fmt::Write, fs, path::Path};

use egress_reconciler::{reconcile::queue::RunRequest, sim::world::World};
use serde_json::{Value, json};

use crate::{
    cases::{runtime, text},
    lab::TestCloud,
};

const REGIONS: [&str; 2] = ["europe-west1", "europe-west2"];

fn project(id: &str) -> World {
    let mut world = World::with_project(id, "123456789012");
    world.regions = REGIONS.map(str::to_owned).to_vec();
    world
}

/// A job whose traffic all leaves through the VPC.
fn job(world: World, project: &str, region: &str, name: &str, mut access: Value) -> World {
    access["egress"] = "ALL_TRAFFIC".into();
    let template = json!({"template": {"containers": [{"image": "image"}], "vpcAccess": access}});
    world.document(
        "run.jobs",
        &format!("projects/{project}/locations/{region}/jobs/{name}"),
        json!({"template": template}),
    )
}

fn through(project: &str, region: &str, connector: &str) -> Value {
    json!({"connector": format!("projects/{project}/locations/{region}/connectors/{connector}")})
}

fn address(world: World, project: &str, region: &str, name: &str, address: &str) -> World {
    let document = json!({"name": name, "address": address, "addressType": "EXTERNAL", "status": "RESERVED"});
    world.document("compute.addresses", &format!("projects/{project}/regions/{region}/addresses/{name}"), document)
}

/// A connector of others on a subnet of its own.
fn connector(world: World, project: &str, name: &str, third: usize) -> World {
    let document = json!({
        "subnet": {"name": name}, "state": "READY", "machineType": "e2-micro", "minInstances": 2, "maxInstances": 3,
    });
    world.subnetwork(project, REGIONS[1], name, "my-vpc", &format!("10.20.{third}.0/28")).document(
        "vpcaccess.connectors",
        &format!("projects/{project}/locations/{}/connectors/{name}", REGIONS[1]),
        document,
    )
}

fn world(example: &str) -> World {
    const MINE: &str = "my-project";
    let mine = || project(MINE).network(MINE, "my-vpc");
    let here = REGIONS[1];
    match example {
        "one-project" => job(mine(), MINE, here, "nightly", through(MINE, here, "egress")),
        "allow-list" => {
            let world = address(mine(), MINE, here, "egress-1", "203.0.113.10");
            job(world, MINE, here, "nightly", through(MINE, here, "egress"))
        }
        "direct-vpc" => {
            let world = mine().subnetwork(MINE, here, "run", "my-vpc", "10.30.0.0/24");
            job(
                world,
                MINE,
                here,
                "nightly",
                json!({"networkInterfaces": [{"network": "my-vpc", "subnetwork": "run"}]}),
            )
        }
        "thirty-connectors" => {
            let names = (1..30).map(|index| format!("team-{}-{index:02}", if index <= 10 { "a" } else { "b" }));
            let names: Vec<String> = names.chain(["quiet-one".to_owned()]).collect();
            let world =
                names.iter().enumerate().fold(mine(), |world, (index, name)| connector(world, MINE, name, index));
            let used = names.iter().filter(|name| !name.ends_with('9'));
            used.fold(world, |world, name| job(world, MINE, here, &format!("job-{name}"), through(MINE, here, name)))
        }
        "shared-vpc" => {
            const HOST: &str = "network-host";
            let world = project(HOST).network(HOST, "shared");
            let services = ["shop-prod", "shop-staging", "data-prod"];
            let world = services.iter().zip(1_u64..).fold(world, |world, (service, index)| {
                let world = world.project(service, &format!("{}", 200_000_000_000 + index));
                job(world, service, here, "nightly", through(service, here, "egress"))
            });
            let world = address(world, HOST, here, "egress-1", "203.0.113.10");
            address(world, HOST, here, "egress-2", "203.0.113.11")
        }
        other => panic!("{other}.yaml has no world"),
    }
}

async fn planned(example: &str, policy: &str) -> String {
    let lab = TestCloud::new(world(example), policy);
    let policy = lab.app.policy();
    let (targets, failed) = lab.app.expander.list(policy.scope.projects.iter(), &[]).await;
    assert!(failed.is_empty(), "{failed:?}");
    let mut out = String::new();
    for target in targets {
        let found = lab.app.engine.dry_run(RunRequest::new(target.clone())).await;
        lab.app.engine.reserve(&found.report);
        writeln!(out, "# {target}\n{}", text(&found.report)).unwrap();
    }
    out
}

#[test]
fn each_example_plans_what_its_first_lines_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/examples");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).filter(|path| path.is_file());
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let plan = runtime().block_on(planned(&name, &fs::read_to_string(&file).unwrap()));
        insta::assert_snapshot!(name, plan);
    }
}
