//! Google's Rust clients: what is made, read, listed, changed and deleted, and what is refused.

use google_cloud_auth::credentials::{Credentials, anonymous};
use google_cloud_compute_v1::{
    client::{Firewalls, Networks, Routers, Subnetworks},
    model::{Firewall, Network, Router, RouterNat, Subnetwork, firewall, router_nat},
};
use google_cloud_lro::Poller;
use google_cloud_run_v2::{
    client::Jobs,
    model::{Container, ExecutionTemplate, Job, TaskTemplate, VpcAccess, vpc_access},
};
use google_cloud_vpcaccess_v1::{
    client::VpcAccessService,
    model::{Connector, connector},
};

use super::google::Google;

const PROJECT: &str = "demo-project";
const REGION: &str = "europe-west2";
const PARENT: &str = "projects/demo-project/locations/europe-west2";

fn nobody() -> Credentials {
    anonymous::Builder::new().build()
}

/// One of Google's clients, pointed at the simulated Google.
macro_rules! client {
    ($client:ty, $google:expr) => {
        <$client>::builder()
            .with_endpoint(format!("http://{}", $google.address))
            .with_credentials(nobody())
            .build()
            .await
            .unwrap()
    };
}

/// Sends a change of Compute and awaits its operation.
macro_rules! done {
    ($request:expr) => {
        $request.poller().until_done().await.unwrap().to_result().unwrap()
    };
}

/// The HTTP status of a refusal.
macro_rules! refused {
    ($request:expr) => {
        $request.send().await.unwrap_err().http_status_code()
    };
}

#[tokio::test]
async fn networks_and_subnetworks() {
    let google = Google::start(&[]);
    let networks = client!(Networks, google);
    let insert = || {
        let network = Network::new().set_name("net").set_auto_create_subnetworks(false);
        networks.insert().set_project(PROJECT).set_body(network)
    };
    done!(insert());
    assert_eq!(refused!(insert()), Some(409));
    let get = || networks.get().set_project(PROJECT).set_network("net");
    assert_eq!(get().send().await.unwrap().auto_create_subnetworks, Some(false));

    let subnetworks = client!(Subnetworks, google);
    let subnetwork = Subnetwork::new()
        .set_name("sub")
        .set_network("projects/demo-project/global/networks/net")
        .set_ip_cidr_range("10.10.0.0/28");
    done!(subnetworks.insert().set_project(PROJECT).set_region(REGION).set_body(subnetwork));
    let listed = subnetworks.list().set_project(PROJECT).set_region(REGION).send().await.unwrap();
    assert!(listed.items.iter().any(|subnetwork| subnetwork.gateway_address.as_deref() == Some("10.10.0.1")));

    // In use: what is refused is the operation.
    let ended = networks.delete().set_project(PROJECT).set_network("net").poller().until_done().await.unwrap();
    assert!(format!("{:?}", ended.to_result().unwrap_err()).contains("RESOURCE_IN_USE_BY_ANOTHER_RESOURCE"));
    done!(subnetworks.delete().set_project(PROJECT).set_region(REGION).set_subnetwork("sub"));
    done!(networks.delete().set_project(PROJECT).set_network("net"));
    assert_eq!(refused!(get()), Some(404));
}

#[tokio::test]
async fn routers_and_firewalls() {
    let google = Google::start(&[]);
    let network = "projects/demo-project/global/networks/my-vpc";
    let routers = client!(Routers, google);
    let nat = |name: &str| {
        RouterNat::new()
            .set_name(name)
            .set_nat_ip_allocate_option(router_nat::NatIpAllocateOption::AutoOnly)
            .set_source_subnetwork_ip_ranges_to_nat(
                router_nat::SourceSubnetworkIpRangesToNat::AllSubnetworksAllIpRanges,
            )
    };
    let router = Router::new().set_name("router").set_network(network).set_nats([nat("nat")]);
    done!(routers.insert().set_project(PROJECT).set_region(REGION).set_body(router));
    let patch = |nats: Vec<RouterNat>| {
        let body = Router::new().set_nats(nats);
        routers.patch().set_project(PROJECT).set_region(REGION).set_router("router").set_body(body)
    };
    assert_eq!(refused!(patch(vec![nat("nat"), nat("other")])), Some(400));
    done!(patch(vec![nat("nat").set_min_ports_per_vm(128)]));
    let get = || routers.get().set_project(PROJECT).set_region(REGION).set_router("router");
    assert_eq!(get().send().await.unwrap().nats[0].min_ports_per_vm, Some(128));
    done!(routers.delete().set_project(PROJECT).set_region(REGION).set_router("router"));
    assert_eq!(refused!(get()), Some(404));

    let firewalls = client!(Firewalls, google);
    let deny = Firewall::new()
        .set_name("deny")
        .set_network(network)
        .set_direction(firewall::Direction::Egress)
        .set_denied([firewall::Denied::new().set_ip_protocol("all")]);
    done!(firewalls.insert().set_project(PROJECT).set_body(deny));
    let off = Firewall::new().set_disabled(true);
    done!(firewalls.patch().set_project(PROJECT).set_firewall("deny").set_body(off));
    let get = || firewalls.get().set_project(PROJECT).set_firewall("deny");
    let read = get().send().await.unwrap();
    assert_eq!((read.disabled, read.destination_ranges.as_slice()), (Some(true), &["0.0.0.0/0".to_owned()][..]));
    done!(firewalls.delete().set_project(PROJECT).set_firewall("deny"));
    assert_eq!(refused!(get()), Some(404));
}

#[tokio::test]
async fn connectors_and_jobs() {
    let google = Google::start(&[]);
    let (connectors, jobs) = (client!(VpcAccessService, google), client!(Jobs, google));
    let name = format!("{PARENT}/connectors/conn");
    let job = || {
        let access = VpcAccess::new().set_connector(&name).set_egress(vpc_access::VpcEgress::AllTraffic);
        let task = TaskTemplate::new().set_containers([Container::new().set_image("image")]).set_vpc_access(access);
        Job::new().set_template(ExecutionTemplate::new().set_template(task))
    };
    let create = || jobs.create_job().set_parent(PARENT).set_job_id("job").set_job(job());
    let refusal = create().send().await.unwrap_err();
    assert!(
        refusal.to_string().contains("does not exist, or Cloud Run does not have permission to use it"),
        "{refusal}"
    );

    let connector = || {
        let connector = Connector::new()
            .set_network("my-vpc")
            .set_ip_cidr_range("10.10.0.0/28")
            .set_min_instances(2)
            .set_max_instances(3);
        connectors.create_connector().set_parent(PARENT).set_connector_id("conn").set_connector(connector)
    };
    let made = connector().poller().until_done().await.unwrap();
    assert_eq!(made.state, connector::State::Ready);
    assert_eq!(refused!(connector()), Some(409));

    let made = create().poller().until_done().await.unwrap();
    let task = made.template.and_then(|execution| execution.template).unwrap();
    assert_eq!(task.vpc_access.unwrap().egress, vpc_access::VpcEgress::AllTraffic);
    assert_eq!(refused!(create()), Some(409));
    let path = format!("{PARENT}/jobs/job");
    let changed = job().set_name(&path).set_labels([("team", "egress")]);
    let changed = jobs.update_job().set_job(changed).poller().until_done().await.unwrap();
    assert_eq!(changed.labels["team"], "egress");
    assert_eq!(jobs.list_jobs().set_parent(PARENT).send().await.unwrap().jobs.len(), 1);
    let gone = jobs.delete_job().set_name(&path).poller().until_done().await.unwrap();
    assert!(gone.expire_time > gone.delete_time);
    assert_eq!(refused!(jobs.get_job().set_name(&path)), Some(404));

    connectors.delete_connector().set_name(&name).poller().until_done().await.unwrap();
    assert_eq!(refused!(connectors.get_connector().set_name(&name)), Some(404));
}
