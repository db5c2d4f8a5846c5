"""Google's Python clients against the simulated Google, whose address stands in SIMULATED_GOOGLE.

Every kind is created, read, listed, changed and deleted; what takes time is awaited by the clients' own pollers.
"""

import os
import unittest
import urllib.request
import uuid

from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import compute_v1, run_v2, vpcaccess_v1

ADDRESS = "http://" + os.environ["SIMULATED_GOOGLE"]
PROJECT, REGION = "demo-project", "europe-west2"
PLACE = {"project": PROJECT, "region": REGION}
PARENT = f"projects/{PROJECT}/locations/{REGION}"
LONGEST = 30


def plain(of):
    options = {"api_endpoint": ADDRESS}
    return of(credentials=AnonymousCredentials(), client_options=options, transport="rest")


def client(of):
    made = plain(of)
    # A client of Compute asks about its operations through clients of its own making, which are not told the endpoint.
    asked = getattr(made.transport, "_extended_operations_services", {})
    asked["global_operations"] = plain(compute_v1.GlobalOperationsClient)
    asked["region_operations"] = plain(compute_v1.RegionOperationsClient)
    return made


def settle():
    """Moves the simulated clock to where everything that has been begun has ended and can be read."""
    body = b'{"seconds": %d}' % int(os.environ["SETTLED_AFTER"])
    request = urllib.request.Request(ADDRESS + "/sim/advance", body, {"content-type": "application/json"})
    # No proxy: the simulated Google listens on this machine.
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).close()


def names(resources):
    return [resource.name.rsplit("/", 1)[-1] for resource in resources]


class Compute(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.networks = client(compute_v1.NetworksClient)
        cls.subnetworks = client(compute_v1.SubnetworksClient)
        cls.routers = client(compute_v1.RoutersClient)
        cls.firewalls = client(compute_v1.FirewallsClient)
        cls.routes = client(compute_v1.RoutesClient)
        cls.addresses = client(compute_v1.GlobalAddressesClient)

    def network(self, name):
        network = compute_v1.Network(name=name, auto_create_subnetworks=False)
        self.networks.insert(project=PROJECT, network_resource=network).result(LONGEST)
        return f"projects/{PROJECT}/global/networks/{name}"

    def subnetwork(self, name, network, cidr):
        subnetwork = compute_v1.Subnetwork(name=name, network=network, ip_cidr_range=cidr)
        self.subnetworks.insert(**PLACE, subnetwork_resource=subnetwork).result(LONGEST)

    def test_networks(self):
        self.network("py-net")
        self.assertFalse(self.networks.get(project=PROJECT, network="py-net").auto_create_subnetworks)
        self.assertIn("py-net", names(self.networks.list(project=PROJECT)))
        with self.assertRaises(exceptions.Conflict):
            self.network("py-net")
        change = compute_v1.Network(routing_config=compute_v1.NetworkRoutingConfig(routing_mode="GLOBAL"))
        self.networks.patch(project=PROJECT, network="py-net", network_resource=change).result(LONGEST)
        network = self.networks.get(project=PROJECT, network="py-net")
        self.assertEqual(network.routing_config.routing_mode, "GLOBAL")
        self.assertEqual(list(self.networks.get_effective_firewalls(project=PROJECT, network="py-net").firewalls), [])
        self.networks.delete(project=PROJECT, network="py-net").result(LONGEST)
        with self.assertRaises(exceptions.NotFound):
            self.networks.get(project=PROJECT, network="py-net")

    def test_subnetworks(self):
        network = self.network("py-subnets")
        self.subnetwork("py-subnet", network, "10.20.0.0/28")
        subnetwork = self.subnetworks.get(**PLACE, subnetwork="py-subnet")
        self.assertEqual(subnetwork.gateway_address, "10.20.0.1")
        self.assertIn("py-subnet", names(self.subnetworks.list(**PLACE)))
        scoped = dict(self.subnetworks.aggregated_list(project=PROJECT))
        self.assertIn("py-subnet", names(scoped[f"regions/{REGION}"].subnetworks))
        with self.assertRaises(exceptions.BadRequest):
            self.subnetwork("py-overlap", network, "10.20.0.0/24")
        request = compute_v1.SubnetworksSetPrivateIpGoogleAccessRequest(private_ip_google_access=True)
        self.subnetworks.set_private_ip_google_access(
            **PLACE, subnetwork="py-subnet", subnetworks_set_private_ip_google_access_request_resource=request
        ).result(LONGEST)
        self.assertTrue(self.subnetworks.get(**PLACE, subnetwork="py-subnet").private_ip_google_access)
        with self.assertRaises(exceptions.PreconditionFailed):
            stale = compute_v1.Subnetwork(fingerprint="c3RhbGU=", private_ip_google_access=False)
            self.subnetworks.patch(**PLACE, subnetwork="py-subnet", subnetwork_resource=stale)
        # In use: accepted, and refused by its operation.
        with self.assertRaisesRegex(exceptions.GoogleAPICallError, "already being used by"):
            self.networks.delete(project=PROJECT, network="py-subnets").result(LONGEST)
        self.subnetworks.delete(**PLACE, subnetwork="py-subnet").result(LONGEST)
        with self.assertRaises(exceptions.NotFound):
            self.subnetworks.get(**PLACE, subnetwork="py-subnet")

    def test_routers(self):
        network = self.network("py-routers")
        nat = compute_v1.RouterNat(
            name="nat",
            nat_ip_allocate_option="AUTO_ONLY",
            source_subnetwork_ip_ranges_to_nat="ALL_SUBNETWORKS_ALL_IP_RANGES",
            log_config=compute_v1.RouterNatLogConfig(enable=True, filter="ERRORS_ONLY"),
        )
        router = compute_v1.Router(name="py-router", network=network, nats=[nat])
        self.routers.insert(**PLACE, router_resource=router).result(LONGEST)
        read = self.routers.get(**PLACE, router="py-router")
        self.assertEqual(read.nats[0].endpoint_types, ["ENDPOINT_TYPE_VM"])
        self.assertIn("py-router", names(self.routers.list(**PLACE)))
        with self.assertRaises(exceptions.Conflict):
            self.routers.insert(**PLACE, router_resource=router)
        again = compute_v1.Router(nats=[nat, nat])
        with self.assertRaises(exceptions.BadRequest):
            self.routers.patch(**PLACE, router="py-router", router_resource=again)
        # An empty list is not written by this client, and so keeps what is there.
        nothing = compute_v1.Router(nats=[])
        self.routers.patch(**PLACE, router="py-router", router_resource=nothing).result(LONGEST)
        self.assertEqual(names(self.routers.get(**PLACE, router="py-router").nats), ["nat"])
        nat.min_ports_per_vm = 128
        changed = compute_v1.Router(nats=[nat])
        self.routers.patch(**PLACE, router="py-router", router_resource=changed).result(LONGEST)
        self.assertEqual(self.routers.get(**PLACE, router="py-router").nats[0].min_ports_per_vm, 128)
        self.routers.delete(**PLACE, router="py-router").result(LONGEST)
        with self.assertRaises(exceptions.NotFound):
            self.routers.get(**PLACE, router="py-router")

    def test_firewalls(self):
        network = self.network("py-firewalls")
        deny = compute_v1.Firewall(
            name="py-deny",
            network=network,
            direction="EGRESS",
            priority=990,
            denied=[compute_v1.Denied(I_p_protocol="all")],
            target_tags=["vpc-connector"],
        )
        request = {"project": PROJECT, "firewall_resource": deny, "request_id": str(uuid.uuid4())}
        first = self.firewalls.insert(request=request)
        first.result(LONGEST)
        # The same request id is the same operation.
        self.assertEqual(self.firewalls.insert(request=request).name, first.name)
        self.assertEqual(list(self.firewalls.get(project=PROJECT, firewall="py-deny").destination_ranges), ["0.0.0.0/0"])
        self.assertIn("py-deny", names(self.firewalls.list(project=PROJECT)))
        with self.assertRaises(exceptions.Conflict):
            self.firewalls.insert(project=PROJECT, firewall_resource=deny)
        off = compute_v1.Firewall(disabled=True)
        self.firewalls.patch(project=PROJECT, firewall="py-deny", firewall_resource=off).result(LONGEST)
        self.assertTrue(self.firewalls.get(project=PROJECT, firewall="py-deny").disabled)
        deny.priority = 991
        self.firewalls.update(project=PROJECT, firewall="py-deny", firewall_resource=deny).result(LONGEST)
        read = self.firewalls.get(project=PROJECT, firewall="py-deny")
        self.assertEqual((read.priority, read.disabled), (991, False))
        self.firewalls.delete(project=PROJECT, firewall="py-deny").result(LONGEST)
        with self.assertRaises(exceptions.NotFound):
            self.firewalls.delete(project=PROJECT, firewall="py-deny")

    def test_routes_and_addresses(self):
        network = self.network("py-routes")
        gateway = f"projects/{PROJECT}/global/gateways/default-internet-gateway"
        route = compute_v1.Route(
            name="py-route", network=network, dest_range="192.0.2.0/24", next_hop_gateway=gateway, priority=800
        )
        self.routes.insert(project=PROJECT, route_resource=route).result(LONGEST)
        self.assertEqual(self.routes.get(project=PROJECT, route="py-route").dest_range, "192.0.2.0/24")
        self.assertIn("py-route", names(self.routes.list(project=PROJECT)))
        self.routes.delete(project=PROJECT, route="py-route").result(LONGEST)
        with self.assertRaises(exceptions.NotFound):
            self.routes.get(project=PROJECT, route="py-route")
        address = compute_v1.Address(
            name="py-range", address="10.60.0.0", prefix_length=16, purpose="VPC_PEERING", address_type="INTERNAL",
            network=network,
        )
        self.addresses.insert(project=PROJECT, address_resource=address).result(LONGEST)
        self.assertEqual(self.addresses.get(project=PROJECT, address="py-range").prefix_length, 16)
        self.assertIn("py-range", names(self.addresses.list(project=PROJECT)))
        self.addresses.delete(project=PROJECT, address="py-range").result(LONGEST)
        with self.assertRaises(exceptions.NotFound):
            self.addresses.get(project=PROJECT, address="py-range")


class VpcAccess(unittest.TestCase):
    def test_connectors(self):
        connectors = client(vpcaccess_v1.VpcAccessServiceClient)
        path = f"{PARENT}/connectors/py-conn"
        connector = vpcaccess_v1.Connector(
            network="my-vpc", ip_cidr_range="10.30.0.0/28", min_instances=2, max_instances=3, machine_type="e2-micro"
        )
        create = {"parent": PARENT, "connector_id": "py-conn", "connector": connector}
        made = connectors.create_connector(**create).result(LONGEST)
        self.assertEqual(made.state, vpcaccess_v1.Connector.State.READY)
        # Reading lags the operation by some seconds.
        settle()
        self.assertEqual(connectors.get_connector(name=path).state, vpcaccess_v1.Connector.State.READY)
        self.assertIn("py-conn", names(connectors.list_connectors(parent=PARENT)))
        self.assertIn("py-conn", names(connectors.list_connectors(parent=f"projects/{PROJECT}/locations/-")))
        with self.assertRaises(exceptions.Conflict):
            connectors.create_connector(**create)
        clash = {**create, "connector_id": "py-clash"}
        with self.assertRaisesRegex(exceptions.GoogleAPICallError, "Please delete the connector manually"):
            connectors.create_connector(**clash).result(LONGEST)
        for name in ("py-conn", "py-clash"):
            connectors.delete_connector(name=f"{PARENT}/connectors/{name}").result(LONGEST)
        with self.assertRaises(exceptions.NotFound):
            connectors.delete_connector(name=path)


class Run(unittest.TestCase):
    def access(self, connector="py-run"):
        egress = run_v2.VpcAccess.VpcEgress.ALL_TRAFFIC
        return run_v2.VpcAccess(connector=f"{PARENT}/connectors/{connector}", egress=egress)

    @classmethod
    def setUpClass(cls):
        connector = vpcaccess_v1.Connector(
            network="my-vpc", ip_cidr_range="10.31.0.0/28", min_instances=2, max_instances=3
        )
        create = client(vpcaccess_v1.VpcAccessServiceClient).create_connector
        create(parent=PARENT, connector_id="py-run", connector=connector).result(LONGEST)

    def job(self, **more):
        containers = [run_v2.Container(image="gcr.io/demo-project/image")]
        template = run_v2.TaskTemplate(containers=containers, vpc_access=self.access(**more))
        template.execution_environment = run_v2.ExecutionEnvironment.EXECUTION_ENVIRONMENT_GEN2
        return run_v2.Job(template=run_v2.ExecutionTemplate(template=template))

    def revision(self):
        containers = [run_v2.Container(image="gcr.io/demo-project/image")]
        return {"containers": containers, "vpc_access": self.access()}

    def test_jobs(self):
        jobs, path = client(run_v2.JobsClient), f"{PARENT}/jobs/py-job"
        create = {"parent": PARENT, "job_id": "py-job", "job": self.job()}
        made = jobs.create_job(**create).result(timeout=LONGEST)
        self.assertEqual(made.template.template.vpc_access.egress, run_v2.VpcAccess.VpcEgress.ALL_TRAFFIC)
        job = jobs.get_job(name=path)
        self.assertEqual(job.terminal_condition.state, run_v2.Condition.State.CONDITION_SUCCEEDED)
        self.assertEqual(job.template.template.execution_environment.name, "EXECUTION_ENVIRONMENT_GEN2")
        self.assertIn("py-job", names(jobs.list_jobs(parent=PARENT)))
        with self.assertRaises(exceptions.Conflict):
            jobs.create_job(**create)
        with self.assertRaisesRegex(exceptions.BadRequest, "does not exist, or Cloud Run does not have permission"):
            jobs.create_job(parent=PARENT, job_id="py-lost", job=self.job(connector="missing"))
        with self.assertRaises(exceptions.BadRequest):
            list(jobs.list_jobs(parent=f"projects/{PROJECT}/locations/-"))
        job.template.task_count = 2
        self.assertEqual(jobs.update_job(job=job).result(timeout=LONGEST).template.task_count, 2)
        gone = jobs.delete_job(name=path).result(timeout=LONGEST)
        self.assertGreater(gone.expire_time, gone.delete_time)
        self.assertNotIn("py-job", names(jobs.list_jobs(parent=PARENT)))
        deleted = jobs.list_jobs(request={"parent": PARENT, "show_deleted": True})
        self.assertIn("py-job", names(deleted))
        with self.assertRaises(exceptions.NotFound):
            jobs.get_job(name=path)

    def test_services(self):
        services, path = client(run_v2.ServicesClient), f"{PARENT}/services/py-service"
        service = run_v2.Service(
            template=run_v2.RevisionTemplate(**self.revision()),
            ingress=run_v2.IngressTraffic.INGRESS_TRAFFIC_INTERNAL_ONLY,
        )
        create = {"parent": PARENT, "service_id": "py-service", "service": service}
        services.create_service(**create).result(timeout=LONGEST)
        service = services.get_service(name=path)
        self.assertEqual(service.ingress, run_v2.IngressTraffic.INGRESS_TRAFFIC_INTERNAL_ONLY)
        self.assertIn("py-service", names(services.list_services(parent=PARENT)))
        with self.assertRaises(exceptions.Conflict):
            services.create_service(**create)
        service.description = "changed"
        self.assertEqual(services.update_service(service=service).result(timeout=LONGEST).description, "changed")
        binding = {"role": "roles/run.invoker", "members": ["allUsers"]}
        policy = {"bindings": [binding], "etag": services.get_iam_policy(request={"resource": path}).etag}
        services.set_iam_policy(request={"resource": path, "policy": policy})
        self.assertEqual(list(services.get_iam_policy(request={"resource": path}).bindings[0].members), ["allUsers"])
        with self.assertRaises(exceptions.Conflict):
            services.set_iam_policy(request={"resource": path, "policy": policy})
        services.delete_service(name=path).result(timeout=LONGEST)
        with self.assertRaises(exceptions.NotFound):
            services.get_service(name=path)

    def test_worker_pools(self):
        pools, path = client(run_v2.WorkerPoolsClient), f"{PARENT}/workerPools/py-pool"
        pool = run_v2.WorkerPool(template=run_v2.WorkerPoolRevisionTemplate(**self.revision()))
        create = {"parent": PARENT, "worker_pool_id": "py-pool", "worker_pool": pool}
        pools.create_worker_pool(**create).result(timeout=LONGEST)
        pool = pools.get_worker_pool(name=path)
        self.assertIn("py-pool", names(pools.list_worker_pools(parent=PARENT)))
        with self.assertRaises(exceptions.Conflict):
            pools.create_worker_pool(**create)
        pool.description = "changed"
        self.assertEqual(pools.update_worker_pool(worker_pool=pool).result(timeout=LONGEST).description, "changed")
        pools.delete_worker_pool(name=path).result(timeout=LONGEST)
        with self.assertRaises(exceptions.NotFound):
            pools.get_worker_pool(name=path)


if __name__ == "__main__":
    unittest.main(verbosity=2)
