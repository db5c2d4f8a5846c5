//! Least privilege: each permission of the shipped roles is taken away in turn. What it was for is not done, the report says
//! which permission on what and how to fix it, and everything else goes on.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    fmt::Write,
    fs,
    path::Path,
    sync::Arc,
    time::Duration,
};

use egress_reconciler::{
    domain::{
        codes::Code,
        permissions::{PERMISSIONS, Role},
        plan::Note,
        report::Report,
    },
    sim::world::World,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    cases::runtime,
    clinic::RUNNER,
    lab::{PROJECT, REGION, TestCloud},
};

const ALICE: &str = "alice@example.com";
const OTHER: &str = "other-project";
const HOST: &str = "host-project";

/// A stretch of the service's life, long enough to need all of some permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Scene {
    /// From nothing but workloads to scoped paths.
    Build,
    /// A rule was changed, the policy asks for larger connectors, and one more is wanted.
    Repair,
    /// Nobody wants anything any more.
    Prune,
    /// Google takes the order for a connector and cannot make it.
    Failure,
    /// Workloads name connectors by project numbers, and of other projects.
    Foreign,
    /// The policy names no regions.
    Regions,
}

use Scene::*;

fn scene_of(permission: &str) -> Scene {
    match permission {
        "compute.firewalls.delete" | "compute.subnetworks.delete" | "vpcaccess.connectors.delete" => Prune,
        "compute.firewalls.update"
        | "compute.routers.update"
        | "compute.regionOperations.list"
        | "vpcaccess.connectors.update" => Repair,
        // One more range is cut, in a network that has peers.
        "compute.networks.listPeeringRoutes" | "compute.routers.get" | "compute.subnetworks.get" => Repair,
        "vpcaccess.operations.list" => Failure,
        "run.instances.list"
        | "run.executions.list"
        | "cloudfunctions.functions.list"
        | "appengine.applications.get"
        | "appengine.services.list"
        | "appengine.versions.list"
        | "monitoring.timeSeries.list" => Prune,
        "compute.projects.get" | "vpcaccess.connectors.get" => Foreign,
        "run.locations.list" => Regions,
        _ => Build,
    }
}

fn policy(more: Value) -> String {
    let mut policy = json!({
        "version": 1, "owner": "lab", "mode": "enforce",
        "scope": {"projects": [PROJECT], "regions": [REGION]},
        "network": {"name": "own-vpc", "create": true},
        "connector": {"subnet_pools": ["10.8.0.0/20"], "new_per_day": 9},
        "nat": {"static_ips": ["out-1"]},
        "firewall": {"enforcement": "enforce"},
    });
    crate::case_file::lay_over(&mut policy, more);
    policy.to_string()
}

fn workload(collection: &str, name: &str, connector: &str) -> (String, Value) {
    let path = format!("projects/{PROJECT}/locations/{REGION}/{collection}/{name}");
    let connector = match connector.contains('/') {
        true => connector.to_owned(),
        false => format!("projects/{PROJECT}/locations/{REGION}/connectors/{connector}"),
    };
    let template =
        json!({"containers": [{"image": "i"}], "vpcAccess": {"connector": connector, "egress": "ALL_TRAFFIC"}});
    let template = if collection == "jobs" { json!({"template": template}) } else { template };
    (path, json!({"template": template}))
}

fn with(world: World, collection: &str, name: &str, connector: &str) -> World {
    let (path, document) = workload(collection, name, connector);
    world.document(&format!("run.{collection}"), &path, document)
}

/// One workload of each kind, each with a connector of its own, and nothing else.
fn empty() -> World {
    let mut world = World::with_project(PROJECT, "123456789012");
    world.regions.push(REGION.to_owned());
    let address = format!("projects/{PROJECT}/regions/{REGION}/addresses/out-1");
    let world = world.document("compute.addresses", &address, json!({"name": "out-1", "address": "203.0.113.9"}));
    let world = with(world, "jobs", "nightly", "of-job");
    let world = with(world, "services", "shop", "of-service");
    let (path, mut document) = workload("services", "rolled-back", "of-service");
    document["traffic"] =
        json!([{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": "rolled-back-1", "percent": 100}]);
    document["latestCreatedRevision"] = format!("{path}/revisions/rolled-back-2").into();
    let world = world.document("run.services", &path, document).document(
        "run.revisions",
        &format!("{path}/revisions/rolled-back-1"),
        json!({"vpcAccess": {"connector": "of-revision", "egress": "PRIVATE_RANGES_ONLY"}}),
    );
    with(world, "workerPools", "queue", "of-pool")
}

/// The world in which the scene begins, and the policy.
async fn begin(scene: Scene) -> (World, String) {
    match scene {
        Build => (empty(), policy(json!({}))),
        Repair => {
            let mut built = built().await;
            let rule = format!("projects/{PROJECT}/global/firewalls/allow-of-job-{REGION}-int");
            let drifted = built.resources.iter_mut().find(|resource| resource.path == rule).unwrap();
            drifted.document.as_mut().unwrap()["disabled"] = true.into();
            peered(&mut built);
            let world = with_direct_vpc(with(built, "jobs", "weekly", "one-more"));
            (world, policy(json!({"connector": {"min_instances": 3, "max_instances": 5}})))
        }
        Prune => {
            let mut built = built().await;
            built.resources.retain(|resource| resource.from.is_none() && !resource.path.contains("/jobs/nightly"));
            let app = format!("apps/{PROJECT}");
            let version = format!("{app}/services/default/versions/v1");
            let built = built
                .document("appengine.apps", &app, json!({"locationId": REGION}))
                .document("appengine.services", &format!("{app}/services/default"), json!({"id": "default"}))
                .document("appengine.versions", &version, json!({"id": "v1"}));
            (built, policy(json!({"connector": {"prune": "7d"}})))
        }
        Failure => (empty(), policy(json!({}))),
        Foreign => {
            let world = empty().project(OTHER, "999999999999").allow(OTHER, RUNNER, &["vpcaccess.*"]);
            let by_number = format!("projects/123456789012/locations/{REGION}/connectors/by-number");
            let elsewhere = format!("projects/{OTHER}/locations/{REGION}/connectors/theirs");
            let world = with(world, "jobs", "numbered", &by_number);
            (with(world, "jobs", "guest", &elsewhere), policy(json!({})))
        }
        Regions => (empty(), policy(json!({"scope": {"regions": "all"}}))),
    }
}

/// A job with Direct VPC egress, and the subnet that it uses.
fn with_direct_vpc(world: World) -> World {
    let network = format!("projects/{PROJECT}/global/networks/own-vpc");
    let subnet = format!("projects/{PROJECT}/regions/{REGION}/subnetworks/apps");
    let document = json!({
        "name": "apps", "network": network, "region": format!("projects/{PROJECT}/regions/{REGION}"),
        "ipCidrRange": "10.20.0.0/24", "privateIpGoogleAccess": true,
    });
    let job = format!("projects/{PROJECT}/locations/{REGION}/jobs/direct");
    let interfaces = json!([{"network": network, "subnetwork": subnet}]);
    let template = json!({"containers": [{"image": "i"}], "vpcAccess": {"networkInterfaces": interfaces}});
    world.document("compute.subnetworks", &subnet, document).document(
        "run.jobs",
        &job,
        json!({"template": {"template": template}}),
    )
}

/// The network is peered with another, and a router of it speaks BGP.
fn peered(world: &mut World) {
    let network = format!("projects/{PROJECT}/global/networks/own-vpc");
    let own = world.resources.iter_mut().find(|resource| resource.path == network).unwrap();
    own.document.as_mut().unwrap()["peerings"] =
        json!([{"name": "to-data", "network": "projects/data/global/networks/data"}]);
    let router = format!("projects/{PROJECT}/regions/{REGION}/routers/vpn");
    let document = json!({"name": "vpn", "network": network, "region": format!("projects/{PROJECT}/regions/{REGION}"), "bgpPeers": [{"name": "onprem"}]});
    *world = world.clone().document("compute.routers", &router, document);
}

async fn built() -> World {
    let lab = TestCloud::new(empty(), &policy(json!({})));
    for _ in 0..3 {
        lab.run().await;
        sleep(Duration::from_secs(130)).await;
    }
    lab.cloud.world()
}

/// What happened: the steps that were done, and what only a person can fix.
#[derive(Default)]
struct Told {
    done: BTreeSet<String>,
    blocked: BTreeMap<String, Note>,
    failure: Option<String>,
}

impl Told {
    fn hear(&mut self, report: &Report) {
        let done = report.steps.iter().filter(|step| step.is_done());
        self.done.extend(done.map(|step| format!("{} {}", step.verb.word(), step.step)));
        // What adds to a decision and cannot be read is a finding.
        let unread = report
            .findings
            .iter()
            .filter(|note| matches!(note.code, Code::Denied | Code::RoleOutdated) || note.code.is_unread());
        let notes = report.blocked_by.iter().chain(unread);
        self.blocked.extend(notes.map(|note| (format!("{} {}", note.code, note.object), note.clone())));
    }
}

/// Plays a scene for a service that has these permissions.
async fn play(scene: Scene, (world, policy): (World, String), permissions: &[&str]) -> Told {
    let mut world = world.allow(PROJECT, ALICE, &["*"]).allow(PROJECT, RUNNER, permissions);
    if scene == Foreign && !permissions.contains(&"vpcaccess.connectors.get") {
        world = world.allow(OTHER, RUNNER, &[]);
    }
    let lab = TestCloud::new(world, &policy);
    let mut told = Told::default();
    match scene {
        Regions => {
            let project = lab.target().project;
            match lab.app.expander.targets_of(&project, &[]).await {
                Ok(targets) => told.done.extend(targets.iter().map(|target| format!("find {target}"))),
                Err(error) => told.failure = Some(error.to_string()),
            }
            // Whoever names a region does not need to find it.
            told.hear(&*lab.run().await);
            return told;
        }
        Prune => {
            // The first look marks since when nothing asks for the connector.
            told.hear(&*lab.run().await);
            lab.cloud.advance(Duration::from_secs(8 * 24 * 3600));
        }
        Failure => {
            let method = "vpcaccess.projects.locations.connectors.create";
            let fault = json!({"method": method, "resource": "*/of-job", "kind": "fail-operation", "status": 400});
            lab.cloud.inject(serde_json::from_value(fault).unwrap());
        }
        Build | Repair | Foreign => {}
    }
    for _ in 0..4 {
        told.hear(&*lab.run().await);
        sleep(Duration::from_secs(130)).await;
    }
    told
}

fn all() -> Vec<&'static str> {
    PERMISSIONS.iter().map(|permission| permission.name).collect()
}

#[test]
fn with_the_roles_nothing_is_denied() {
    runtime().block_on(async {
        for scene in [Build, Repair, Prune, Failure, Foreign, Regions] {
            let told = play(scene, begin(scene).await, &all()).await;
            let denied: Vec<_> = told.blocked.values().filter(|note| note.code.word() == "denied").collect();
            assert!(denied.is_empty() && told.failure.is_none(), "{scene:?}: {denied:#?} {:?}", told.failure);
        }
    });
}

#[test]
fn each_permission_is_for_something_and_its_loss_is_told() {
    let text = runtime().block_on(async {
        let mut begun: BTreeMap<Scene, ((World, String), Told)> = BTreeMap::new();
        let mut text = String::new();
        for permission in PERMISSIONS {
            let scene = scene_of(permission.name);
            let (start, whole) = match begun.entry(scene) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => {
                    let start = begin(scene).await;
                    let whole = play(scene, start.clone(), &all()).await;
                    unknown.insert((start, whole))
                }
            };
            let left: Vec<_> = all().into_iter().filter(|name| *name != permission.name).collect();
            let told = play(scene, start.clone(), &left).await;
            let new: Vec<_> = told.blocked.iter().filter(|(key, _)| !whole.blocked.contains_key(*key)).collect();
            let said: Vec<&str> =
                new.iter().map(|(_, note)| note.text.as_str()).chain(told.failure.as_deref()).collect();
            let denied: Vec<_> =
                said.iter().filter(|text| text.contains("denied") || text.contains("refused")).collect();
            assert!(!denied.is_empty(), "{}: nothing is said of its loss", permission.name);
            for sentence in denied {
                assert!(sentence.contains(permission.name), "{}: {sentence}", permission.name);
                assert!(sentence.contains("projects/"), "{}: on what? {sentence}", permission.name);
            }
            writeln!(text, "# {}: cannot {}", permission.name, permission.what).unwrap();
            for lost in whole.done.difference(&told.done) {
                writeln!(text, "lost {lost}").unwrap();
            }
            for extra in told.done.difference(&whole.done) {
                writeln!(text, "beyond {extra}").unwrap();
            }
            for (key, note) in new {
                writeln!(text, "says [{key}] {}", note.text).unwrap();
            }
            if let Some(failure) = &told.failure {
                writeln!(text, "says {failure}").unwrap();
            }
            writeln!(text).unwrap();
        }
        text
    });
    insta::assert_snapshot!(text);
}

/// In a Shared VPC each project's half is enough.
#[test]
fn each_project_needs_its_half_alone() {
    runtime().block_on(async {
        let half = |connectors, network| -> Vec<&str> {
            let here = PERMISSIONS.iter().filter(|permission| permission.is_for(connectors, network));
            here.map(|permission| permission.name).collect()
        };
        let address = format!("projects/{HOST}/regions/{REGION}/addresses/out-1");
        let used = ["compute.networks.use", "compute.subnetworks.use"];
        let world = empty()
            .project(HOST, "999999999999")
            .network(HOST, "shared")
            .document("compute.addresses", &address, json!({"name": "out-1", "address": "203.0.113.9"}))
            .allow(PROJECT, RUNNER, &half(true, false))
            .allow(HOST, RUNNER, &half(false, true))
            .allow(HOST, "service-123456789012@gcp-sa-vpcaccess.iam.gserviceaccount.com", &used)
            .allow(HOST, "123456789012@cloudservices.gserviceaccount.com", &used);
        let shared = json!({"network": {"name": format!("projects/{HOST}/global/networks/shared"), "create": false}});
        let lab = TestCloud::new(world, &policy(shared));
        let mut last: Option<Arc<Report>> = None;
        for _ in 0..3 {
            last = Some(lab.run().await);
            sleep(Duration::from_secs(130)).await;
        }
        let last = last.unwrap();
        assert_eq!(last.outcome.word(), "in-sync", "{last:#?}");
    });
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RoleFile {
    included_permissions: BTreeSet<String>,
}

#[test]
fn the_shipped_roles_hold_these_permissions_and_no_others() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/roles");
    let files: BTreeSet<&str> = Role::ALL.iter().map(|role| role.file()).collect();
    for file in files {
        let text = fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let shipped: RoleFile = serde_saphyr::from_str(&text).unwrap();
        let ours = PERMISSIONS.iter().filter(|permission| permission.role.file() == file);
        let ours: BTreeSet<String> = ours.map(|permission| permission.name.to_owned()).collect();
        assert_eq!(shipped.included_permissions, ours, "{file}");
    }
}
