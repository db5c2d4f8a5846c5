//! A world of many projects, in each of which little is in use, and the policy that speaks of it.

use egress_reconciler::sim::world::World;
use serde_json::json;

#[derive(Clone, Copy)]
pub struct Size {
    pub projects: usize,
    /// Regions of Cloud Run.
    pub regions: usize,
    /// Those of them in which each project has something.
    pub in_use: usize,
    /// Jobs in each of those.
    pub jobs: usize,
}

fn project(index: usize) -> String {
    format!("proj-{index:04}")
}

fn region(index: usize) -> String {
    format!("europe-west{}", index + 1)
}

/// A network, connectors that others made, and jobs that reach private ranges through them: nothing is missing.
pub fn of(size: Size) -> World {
    let number = |index: usize| format!("{}", 100_000_000_000 + index);
    let mut world = World::with_project(&project(0), &number(0));
    world.regions = (0..size.regions).map(region).collect();
    for index in 0..size.projects {
        let id = project(index);
        if index > 0 {
            world = world.project(&id, &number(index));
        }
        world = world.network(&id, "my-vpc");
        for at in (0..size.in_use).map(region) {
            let under = format!("projects/{id}/locations/{at}");
            let connector = json!({
                "subnet": {"name": "sub"}, "state": "READY", "machineType": "e2-micro", "minInstances": 2, "maxInstances": 3,
            });
            let third = if at == region(0) { 0 } else { 1 };
            world = world.subnetwork(&id, &at, "sub", "my-vpc", &format!("10.20.{third}.0/28")).document(
                "vpcaccess.connectors",
                &format!("{under}/connectors/conn"),
                connector,
            );
            for job in 0..size.jobs {
                let access = json!({"connector": format!("{under}/connectors/conn"), "egress": "PRIVATE_RANGES_ONLY"});
                let template = json!({"template": {"containers": [{"image": "image"}], "vpcAccess": access}});
                world = world.document("run.jobs", &format!("{under}/jobs/job-{job}"), json!({"template": template}));
            }
        }
    }
    world
}

pub fn policy(size: Size) -> String {
    let projects: Vec<String> = (0..size.projects).map(project).collect();
    json!({
        "version": 1, "owner": "bench-0001", "mode": "enforce",
        "scope": {"projects": projects, "regions": "all"},
        "network": {"name": "my-vpc"},
        "connector": {"subnet_pools": ["10.8.0.0/20"]},
    })
    .to_string()
}
