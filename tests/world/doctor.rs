//! Every line of the doctor, green and red: a healthy installation, and what is wrong with one that was spoiled.

use std::{fmt::Write, time::Duration};

use egress_reconciler::{
    app::doctor::Service,
    domain::{
        doctor::{Line, Mark},
        target::Target,
    },
};
use serde_json::{Value, json};

use crate::{
    case_file::lay_over,
    cases::runtime,
    clinic::{EVENTS, Patient, REPORTS, RUNNER, SINK, SUBSCRIPTION, TestInstall},
    lab::PROJECT,
};

const HOST: &str = "host-project";

type Spoil = fn(&mut Patient);
type Case = (&'static str, Spoil);

fn policy(patient: &mut Patient, over: Value) {
    lay_over(&mut patient.policy, over);
}

fn constraint(patient: &mut Patient, name: &str, rule: Value) {
    let path = format!("projects/{PROJECT}/policies/{name}");
    patient.add("orgpolicy.policies", &path, json!({"spec": {"rules": [rule]}}));
}

fn sink(patient: &mut Patient, over: Value) {
    patient.set(SINK, |sink| lay_over(sink, over));
}

fn subscription(patient: &mut Patient, over: Value) {
    patient.set(SUBSCRIPTION, |subscription| lay_over(subscription, over));
}

fn by_name() -> Service {
    let [project, location, name] = [PROJECT, "europe-west2", "egress-reconciler"].map(str::to_owned);
    Service::Named { project, location, name }
}

fn gone(patient: &mut Patient, path: &str) {
    patient.set(path, |document| *document = Value::Null);
}

fn range(name: &str) -> String {
    format!("projects/{PROJECT}/global/addresses/{name}")
}

const VPC: &str = "https://www.googleapis.com/compute/v1/projects/demo-project/global/networks/my-vpc";

fn on_host(patient: &mut Patient) {
    patient.remake(|world| world.project(HOST, "999999999999").network(HOST, "shared").allow(HOST, RUNNER, &["*"]));
    policy(patient, json!({"network": {"name": format!("projects/{HOST}/global/networks/shared")}}));
}

const SHOP: &str = "shop@demo-project.iam.gserviceaccount.com";

/// A service connected to an instance with these settings; all else that the connection needs is right.
fn database(patient: &mut Patient, over: Value) {
    let connection = "demo-project:europe-west2:orders";
    let mut instance = json!({
        "settings": {"ipConfiguration": {"ipv4Enabled": true}},
        "databaseVersion": "POSTGRES_16", "connectionName": connection, "region": "europe-west2",
    });
    lay_over(&mut instance, over);
    patient.add("sql.instances", &format!("projects/{PROJECT}/instances/orders"), instance);
    let volumes = json!([{"name": "cloudsql", "cloudSqlInstance": {"instances": [connection]}}]);
    let template = json!({"containers": [{"image": "i"}], "serviceAccount": SHOP, "volumes": volumes});
    let service = format!("projects/{PROJECT}/locations/europe-west2/services/shop");
    patient.add("run.services", &service, json!({"template": template}));
    patient.bar(&[]);
    patient.remake(|world| {
        let connect = ["cloudsql.instances.connect", "cloudsql.instances.get"];
        world.allow(PROJECT, RUNNER, &["*"]).allow(PROJECT, SHOP, &connect)
    });
}

/// An instance with a private address in this network alone, and a service with Direct VPC egress in `my-vpc`.
fn private_database(patient: &mut Patient, network: &str) {
    let network = format!("projects/{PROJECT}/global/networks/{network}");
    database(patient, json!({"settings": {"ipConfiguration": {"ipv4Enabled": false, "privateNetwork": network}}}));
    patient.set(&format!("projects/{PROJECT}/locations/europe-west2/services/shop"), |service| {
        let interfaces = json!([{"network": "my-vpc", "subnetwork": "apps"}]);
        service["template"]["vpcAccess"] = json!({"networkInterfaces": interfaces});
    });
}

fn peered_with_services(patient: &mut Patient) {
    patient.set(&format!("projects/{PROJECT}/global/networks/my-vpc"), |network| {
        network["peerings"] = json!([{"name": "servicenetworking-googleapis-com", "state": "ACTIVE"}]);
    });
}

const CASES: &[Case] = &[
    ("an API is off", |p| {
        p.remake(|world| world.without_api(PROJECT, "vpcaccess.googleapis.com"));
    }),
    ("permissions are missing", |p| p.bar(&["compute.firewalls.create", "compute.firewalls.list"])),
    ("a permission that this mode does not need is missing", |p| {
        p.bar(&["compute.firewalls.create"]);
        policy(p, json!({"mode": "report"}));
    }),
    ("deletions are asked for and not granted", |p| {
        p.bar(&["compute.subnetworks.delete"]);
        policy(p, json!({"connector": {"prune": "7d"}}));
    }),
    ("nobody may look", |p| {
        p.remake(|world| world.allow(PROJECT, "somebody@example.com", &["*"]));
    }),
    ("the network is missing", |p| policy(p, json!({"network": {"name": "other"}}))),
    ("the network is missing and will be made", |p| {
        policy(p, json!({"network": {"name": "other", "create": true}}));
    }),
    ("no /28 is free", |p| {
        policy(p, json!({"connector": {"subnet_pools": ["10.8.0.0/28"]}}));
        p.remake(|world| world.subnetwork(PROJECT, "europe-west1", "apps", "my-vpc", "10.8.0.0/24"));
    }),
    ("few are free", |p| policy(p, json!({"connector": {"subnet_pools": ["10.8.0.0/27"]}}))),
    ("an internal range reserves a part", |p| {
        let path = format!("projects/{PROJECT}/locations/global/internalRanges/cloud-sql");
        let held = json!({"ipCidrRange": "10.8.4.0/24", "network": VPC, "usage": "FOR_VPC"});
        p.add("networkconnectivity.internalRanges", &path, held);
    }),
    ("Private Service Access and a route take parts", |p| {
        let held = json!({"name": "sql", "address": "10.8.8.0", "prefixLength": 24, "purpose": "VPC_PEERING", "addressType": "INTERNAL", "network": VPC});
        p.add("compute.globalAddresses", &range("sql"), held);
        let led = json!({"name": "onprem", "network": VPC, "destRange": "10.8.12.0/22", "nextHopIp": "10.1.1.1"});
        p.add("compute.routes", &format!("projects/{PROJECT}/global/routes/onprem"), led);
    }),
    ("routes that a router has learnt and a peering brings take parts", |p| {
        let learnt = json!([{"destRange": "10.8.0.0/22"}, {"destRange": "10.0.0.0/8"}]);
        let router = json!({
            "name": "vpn", "network": VPC, "region": format!("projects/{PROJECT}/regions/us-central1"),
            "bgpPeers": [{"name": "onprem"}], "bestRoutes": learnt,
        });
        p.add("compute.routers", &format!("projects/{PROJECT}/regions/us-central1/routers/vpn"), router);
        let brought = json!([
            {"peering": "to-data", "destRange": "10.8.4.0/22", "imported": true, "type": "SUBNET_PEERING_ROUTE"},
            {"peering": "to-data", "destRange": "10.8.8.0/21", "imported": true, "type": "DYNAMIC_PEERING_ROUTE"},
            {"peering": "to-data", "destRange": "10.8.0.0/20", "imported": false, "type": "STATIC_PEERING_ROUTE"},
        ]);
        p.set(&format!("projects/{PROJECT}/global/networks/my-vpc"), |network| {
            network["peerings"] = json!([{"name": "to-data", "network": "projects/data/global/networks/data"}]);
            network["peeringRoutes"] = brought;
        });
    }),
    ("routes of a peering cannot be read", |p| {
        p.bar(&["compute.networks.listPeeringRoutes"]);
        p.set(&format!("projects/{PROJECT}/global/networks/my-vpc"), |network| {
            network["peerings"] = json!([{"name": "to-data", "network": "projects/data/global/networks/data"}]);
        });
    }),
    ("a quota is near", |p| {
        p.world.projects.get_mut(PROJECT).unwrap().quotas.insert("SUBNETWORKS".into(), 5);
        for n in 0..4 {
            p.remake(|world| {
                world.subnetwork(PROJECT, "europe-west1", &format!("s{n}"), "my-vpc", &format!("10.9.{n}.0/24"))
            });
        }
    }),
    ("a quota is used up", |p| {
        p.world.projects.get_mut(PROJECT).unwrap().quotas.insert("ROUTERS".into(), 0);
    }),
    ("trusted images leave connectors out", |p| {
        constraint(p, "compute.trustedImageProjects", json!({"values": {"allowedValues": ["projects/debian-cloud"]}}));
    }),
    ("trusted images name connectors' too", |p| {
        let ours = json!({"values": {"allowedValues": ["is:projects/serverless-vpc-access-images"]}});
        constraint(p, "compute.trustedImageProjects", ours);
    }),
    ("no instance may forward", |p| constraint(p, "compute.vmCanIpForward", json!({"denyAll": true}))),
    ("no project may use Cloud NAT", |p| constraint(p, "compute.restrictCloudNATUsage", json!({"denyAll": true}))),
    ("VPC Access is denied", |p| {
        constraint(p, "gcp.restrictServiceUsage", json!({"values": {"deniedValues": ["vpcaccess.googleapis.com"]}}));
    }),
    ("the report topic is missing", |p| gone(p, REPORTS)),
    ("the report topic's schema was deleted", |p| {
        p.set(REPORTS, |topic| topic["schemaSettings"] = json!({"schema": "_deleted-schema_", "encoding": "JSON"}));
    }),
    ("the report topic wants binary messages", |p| {
        p.set(REPORTS, |topic| {
            topic["schemaSettings"] = json!({"schema": "projects/p/schemas/s", "encoding": "BINARY"})
        });
    }),
    ("nobody may publish reports", |p| p.bar(&["pubsub.topics.publish"])),
    ("no report topic", |p| policy(p, json!({"reports": {"topic": null}}))),
    ("nothing is named", |p| p.asked = Default::default()),
    ("the sink is missing", |p| gone(p, SINK)),
    ("the sink is disabled", |p| sink(p, json!({"disabled": true}))),
    ("the sink's filter is old", |p| sink(p, json!({"filter": "severity>=ERROR"}))),
    ("the sink leads elsewhere", |p| sink(p, json!({"destination": "storage.googleapis.com/bucket"}))),
    ("the sink's writer may not publish", |p| {
        p.bar(&[]);
        sink(p, json!({"writerIdentity": "serviceAccount:other@gcp-sa-logging.iam.gserviceaccount.com"}));
    }),
    ("the event topic is missing", |p| gone(p, EVENTS)),
    ("the subscription is missing", |p| gone(p, SUBSCRIPTION)),
    ("the subscription is detached", |p| subscription(p, json!({"detached": true}))),
    ("the subscription's topic was deleted", |p| subscription(p, json!({"topic": "_deleted-topic_"}))),
    ("the subscription listens elsewhere", |p| subscription(p, json!({"topic": REPORTS}))),
    ("the subscription cannot push", |p| subscription(p, json!({"state": "RESOURCE_ERROR"}))),
    ("the subscription does not push", |p| subscription(p, json!({"pushConfig": {"pushEndpoint": ""}}))),
    ("the subscription pushes elsewhere", |p| {
        subscription(p, json!({"pushConfig": {"pushEndpoint": "https://other.example/events"}}));
    }),
    ("the subscription pushes to another door", |p| {
        subscription(p, json!({"pushConfig": {"pushEndpoint": "https://egress.example/hook"}}));
    }),
    ("the subscription has no token", |p| subscription(p, json!({"pushConfig": {"oidcToken": null}}))),
    ("the subscription's tokens are for another", |p| {
        subscription(p, json!({"pushConfig": {"oidcToken": {"audience": "https://other.example"}}}));
    }),
    ("the subscription is impatient", |p| subscription(p, json!({"ackDeadlineSeconds": 10}))),
    ("the subscription repeats at once", |p| subscription(p, json!({"retryPolicy": null}))),
    ("the subscription gives up soon", |p| subscription(p, json!({"deadLetterPolicy": {"maxDeliveryAttempts": 5}}))),
    ("the subscription has no dead letters", |p| subscription(p, json!({"deadLetterPolicy": null}))),
    ("neither agent may use the host's subnets", on_host),
    ("both agents may", |p| {
        on_host(p);
        for agent in [
            "service-123456789012@gcp-sa-vpcaccess.iam.gserviceaccount.com",
            "123456789012@cloudservices.gserviceaccount.com",
        ] {
            p.remake(|world| world.allow(HOST, agent, &["compute.networks.use", "compute.subnetworks.use"]));
        }
    }),
    ("an agent of its own project has no role", |p| {
        let agent = "service-123456789012@serverless-robot-prod.iam.gserviceaccount.com";
        let agents = ["123456789012@cloudservices.gserviceaccount.com", agent];
        p.remake(|world| {
            agents.iter().fold(world.allow(PROJECT, RUNNER, &["*"]), |it, one| it.allow(PROJECT, one, &[]))
        });
    }),
    ("a database with a public address", |p| database(p, json!({}))),
    ("a database whose API is off", |p| {
        database(p, json!({}));
        p.remake(|world| world.without_api(PROJECT, "sqladmin.googleapis.com"));
    }),
    ("a database that does not exist", |p| {
        database(p, json!({}));
        gone(p, &format!("projects/{PROJECT}/instances/orders"));
    }),
    ("a database that the service may not connect to", |p| {
        database(p, json!({}));
        p.remake(|world| world.allow(PROJECT, SHOP, &[]));
    }),
    ("a database that the default account may not connect to", |p| {
        database(p, json!({}));
        p.set(&format!("projects/{PROJECT}/locations/europe-west2/services/shop"), |service| {
            service["template"].as_object_mut().unwrap().remove("serviceAccount");
        });
    }),
    ("a database that is named wrongly", |p| {
        database(p, json!({}));
        p.set(&format!("projects/{PROJECT}/locations/europe-west2/services/shop"), |service| {
            service["template"]["volumes"][0]["cloudSqlInstance"]["instances"] = json!(["orders"]);
        });
    }),
    ("a database with a private address in the service's network", |p| {
        private_database(p, "my-vpc");
        peered_with_services(p);
    }),
    ("a database with a private address in a network without its peering", |p| private_database(p, "my-vpc")),
    ("a database with a private address in another network", |p| private_database(p, "other")),
    ("a database with a private address and a service without VPC", |p| {
        private_database(p, "my-vpc");
        p.set(&format!("projects/{PROJECT}/locations/europe-west2/services/shop"), |service| {
            service["template"].as_object_mut().unwrap().remove("vpcAccess");
        });
    }),
    ("nobody may read databases", |p| {
        database(p, json!({}));
        p.bar(&[]);
    }),
    ("nobody may read the IAM policy", |p| p.bar(&["resourcemanager.projects.getIamPolicy"])),
    ("the service is not there", |p| p.asked.service = Some(Service::At("https://nowhere.example".into()))),
    ("the service has just started", |p| p.swept = false),
    ("nobody may read the log of requests", |p| {
        p.bar(&[]);
        p.asked.service = Some(by_name());
    }),
    ("the log of requests is empty", |p| p.asked.service = Some(by_name())),
];

fn told(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines.iter().filter(|line| line.mark != Mark::Ok) {
        writeln!(text, "{} {}: {}", line.mark.word(), line.subject, line.text).unwrap();
        writeln!(text, "  -> {}", line.fix.as_deref().unwrap_or_default()).unwrap();
    }
    if text.is_empty() { "all ok\n".to_owned() } else { text }
}

async fn examined(patient: Patient) -> Vec<Line> {
    let swept = patient.swept;
    let clinic = TestInstall::open(patient);
    if swept {
        clinic.live().await;
    }
    clinic.examine().await
}

#[test]
fn a_healthy_installation_is_green() {
    let lines = runtime().block_on(examined(Patient::healthy()));
    let text: String =
        lines.iter().map(|line| format!("{} {}: {}\n", line.mark.word(), line.subject, line.text)).collect();
    insta::assert_snapshot!(text);
}

#[test]
fn what_is_spoiled_is_red_and_says_what_mends_it() {
    let mut text = String::new();
    for (name, spoil) in CASES {
        let mut patient = Patient::healthy();
        spoil(&mut patient);
        let lines = runtime().block_on(examined(patient));
        assert!(lines.iter().all(|line| (line.mark == Mark::Ok) == line.fix.is_none()), "{name}");
        writeln!(text, "# {name}\n{}", told(&lines)).unwrap();
    }
    insta::assert_snapshot!(text);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_stays_away_is_red() {
    let clinic = TestInstall::open(Patient::healthy());
    clinic.live().await;
    clinic.cloud.advance(Duration::from_secs(3600));
    let lines = clinic.examine().await;
    assert_eq!(
        told(&lines),
        "bad last sweep: 1h ago, and one is due every 10 minutes\n  -> gcloud scheduler jobs run egress-reconciler-sweep --location=REGION --project=HOME_PROJECT\n"
    );
}

/// Google logs what Pub/Sub pushes: the service need not be reached to know that an event came.
#[tokio::test(start_paused = true)]
async fn a_push_is_seen_in_the_log_of_requests() {
    let mut patient = Patient::healthy();
    patient.asked.service = Some(by_name());
    let path = format!("projects/{PROJECT}/locations/europe-west2/services/egress-reconciler");
    patient.add("run.services", &path, json!({"uri": "https://egress.example"}));
    let clinic = TestInstall::open(patient);
    clinic.doctor.probe(&target(), Duration::from_secs(60)).await;
    assert_eq!(
        told(&clinic.examine().await),
        "warn last sweep: none in the last 24 hours, and one is due every 10 minutes\n  -> gcloud scheduler jobs run egress-reconciler-sweep --location=europe-west2 --project=demo-project\n"
    );
}

fn target() -> Target {
    Target { project: PROJECT.to_owned().try_into().unwrap(), region: "europe-west2".to_owned().try_into().unwrap() }
}

/// What the service, its policy and the way between them make of a probe.
#[tokio::test(start_paused = true)]
async fn a_probe_is_timed_to_its_report_and_leaves_nothing_behind() {
    let clinic = TestInstall::open(Patient::healthy());
    // The target's news is told: only a probe has anything to add.
    clinic.live().await;
    let told = clinic.cloud.published().len();
    let line = clinic.doctor.probe(&target(), Duration::from_secs(60)).await;
    assert_eq!((line.mark, line.fix.as_deref()), (Mark::Ok, None), "{line:?}");
    assert!(line.text.ends_with("outcome in-sync"), "{line:?}");
    let published: Vec<_> = clinic.cloud.published().into_iter().skip(told).map(|message| message.topic).collect();
    assert_eq!(published, [EVENTS, REPORTS], "the probe, and its report");
    let world = clinic.cloud.world();
    assert!(!world.resources.iter().any(|resource| resource.path.contains("/subscriptions/egress-reconciler-probe")));
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_nobody_hears_is_told() {
    let mut patient = Patient::healthy();
    subscription(&mut patient, json!({"pushConfig": {"pushEndpoint": "https://egress.example/nowhere"}}));
    let clinic = TestInstall::open(patient);
    let line = clinic.doctor.probe(&target(), Duration::from_secs(60)).await;
    assert_eq!((line.mark, line.text.as_str()), (Mark::Bad, "no report came within 60 s"), "{line:?}");
}

#[tokio::test(start_paused = true)]
async fn a_probe_is_not_sent_where_nothing_could_answer() {
    let cases: [(Spoil, &str); 4] = [
        (|p| policy(p, json!({"mode": "off"})), "under `mode: off` nothing is reported"),
        (|p| policy(p, json!({"reports": {"topic": null}})), "there is no report topic to listen to"),
        (|p| p.asked = Default::default(), "the topic that events come by is not known"),
        (
            |p| p.bar(&[]),
            "pubsub.projects.subscriptions.create was refused: 403 Forbidden PERMISSION_DENIED: User not authorized to perform this action.",
        ),
    ];
    for (spoil, expected) in cases {
        let mut patient = Patient::healthy();
        spoil(&mut patient);
        let clinic = TestInstall::open(patient);
        let line = clinic.doctor.probe(&target(), Duration::from_secs(5)).await;
        assert_eq!((line.mark, line.text.as_str()), (Mark::Bad, expected));
        assert!(!clinic.cloud.published().iter().any(|message| message.topic == EVENTS));
    }
}
