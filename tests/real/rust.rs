//! Google's Rust clients: what is made, read, listed, changed and deleted, and what is refused.

use google_cloud_auth::credentials::{Credentials, anonymous};
use google_cloud_compute_v1::{
    client::{Firewalls, GlobalAddresses, Networks, Routers, Routes, Subnetworks},
    model::{
        Address, Firewall, Network, Route, Router, RouterNat, Subnetwork, SubnetworksSetPrivateIpGoogleAccessRequest,
        address, firewall, router_nat,
    },
};
use google_cloud_lro::Poller;
use google_cloud_run_v2::{
    client::{Jobs, Services, WorkerPools},
    model::{
        Container, ExecutionTemplate, IngressTraffic, Job, RevisionTemplate, Service, TaskTemplate, VpcAccess,
        WorkerPool, WorkerPoolRevisionTemplate, vpc_access,
    },
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

    let on = SubnetworksSetPrivateIpGoogleAccessRequest::new().set_private_ip_google_access(true);
    let set = subnetworks.set_private_ip_google_access().set_project(PROJECT).set_region(REGION);
    done!(set.set_subnetwork("sub").set_body(on));
    let read = subnetworks.get().set_project(PROJECT).set_region(REGION).set_subnetwork("sub").send().await.unwrap();
    assert_eq!(read.private_ip_google_access, Some(true));

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
async fn routes_and_addresses() {
    let google = Google::start(&[]);
    let network = "projects/demo-project/global/networks/my-vpc";
    let routes = client!(Routes, google);
    let insert = || {
        let route = Route::new()
            .set_name("route")
            .set_network(network)
            .set_dest_range("192.0.2.0/24")
            .set_next_hop_gateway("projects/demo-project/global/gateways/default-internet-gateway");
        routes.insert().set_project(PROJECT).set_body(route)
    };
    done!(insert());
    assert_eq!(refused!(insert()), Some(409));
    let get = || routes.get().set_project(PROJECT).set_route("route");
    assert_eq!(get().send().await.unwrap().priority, Some(1000));
    let listed = routes.list().set_project(PROJECT).send().await.unwrap();
    assert!(listed.items.iter().any(|route| route.name.as_deref() == Some("route")));
    done!(routes.delete().set_project(PROJECT).set_route("route"));
    assert_eq!(refused!(get()), Some(404));

    let addresses = client!(GlobalAddresses, google);
    let insert = || {
        let range = Address::new()
            .set_name("range")
            .set_address("10.60.0.0")
            .set_prefix_length(16)
            .set_purpose(address::Purpose::VpcPeering)
            .set_address_type(address::AddressType::Internal)
            .set_network(network);
        addresses.insert().set_project(PROJECT).set_body(range)
    };
    done!(insert());
    assert_eq!(refused!(insert()), Some(409));
    let get = || addresses.get().set_project(PROJECT).set_address("range");
    assert_eq!(get().send().await.unwrap().prefix_length, Some(16));
    assert_eq!(addresses.list().set_project(PROJECT).send().await.unwrap().items.len(), 1);
    done!(addresses.delete().set_project(PROJECT).set_address("range"));
    assert_eq!(refused!(get()), Some(404));
}

#[tokio::test]
async fn services() {
    let google = Google::start(&[]);
    let services = client!(Services, google);
    let service = || {
        let template = RevisionTemplate::new().set_containers([Container::new().set_image("image")]);
        Service::new().set_template(template).set_ingress(IngressTraffic::InternalOnly)
    };
    let create = || services.create_service().set_parent(PARENT).set_service_id("web").set_service(service());
    let made = create().poller().until_done().await.unwrap();
    assert_eq!(made.ingress, IngressTraffic::InternalOnly);
    assert_eq!(refused!(create()), Some(409));
    let path = format!("{PARENT}/services/web");
    let get = || services.get_service().set_name(&path);
    assert_eq!(get().send().await.unwrap().generation, 1);
    assert_eq!(services.list_services().set_parent(PARENT).send().await.unwrap().services.len(), 1);
    let everywhere = format!("projects/{PROJECT}/locations/-");
    assert_eq!(refused!(services.list_services().set_parent(everywhere)), Some(400));
    let changed = service().set_name(&path).set_description("changed");
    let changed = services.update_service().set_service(changed).poller().until_done().await.unwrap();
    assert_eq!((changed.description.as_str(), changed.generation), ("changed", 2));
    services.delete_service().set_name(&path).poller().until_done().await.unwrap();
    assert_eq!(refused!(get()), Some(404));
}

#[tokio::test]
async fn worker_pools() {
    let google = Google::start(&[]);
    let pools = client!(WorkerPools, google);
    let pool = || {
        let template = WorkerPoolRevisionTemplate::new().set_containers([Container::new().set_image("image")]);
        WorkerPool::new().set_template(template)
    };
    let create = || pools.create_worker_pool().set_parent(PARENT).set_worker_pool_id("pool").set_worker_pool(pool());
    create().poller().until_done().await.unwrap();
    assert_eq!(refused!(create()), Some(409));
    let path = format!("{PARENT}/workerPools/pool");
    let get = || pools.get_worker_pool().set_name(&path);
    assert_eq!(get().send().await.unwrap().template.unwrap().containers.len(), 1);
    assert_eq!(pools.list_worker_pools().set_parent(PARENT).send().await.unwrap().worker_pools.len(), 1);
    let changed = pool().set_name(&path).set_labels([("team", "egress")]);
    let changed = pools.update_worker_pool().set_worker_pool(changed).poller().until_done().await.unwrap();
    assert_eq!(changed.labels["team"], "egress");
    pools.delete_worker_pool().set_name(&path).poller().until_done().await.unwrap();
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

    // Reading lags the operation by some seconds.
    google.settle();
    let listed = connectors.list_connectors().set_parent(PARENT).send().await.unwrap();
    assert_eq!(
        (listed.connectors[0].name.as_str(), &listed.connectors[0].state),
        (name.as_str(), &connector::State::Ready)
    );
    connectors.delete_connector().set_name(&name).poller().until_done().await.unwrap();
    assert_eq!(refused!(connectors.get_connector().set_name(&name)), Some(404));
}
