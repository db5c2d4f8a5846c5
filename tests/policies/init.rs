//! `init` on simulated worlds: what it writes is a policy that reads and reports, right and without a warning.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
};

use egress_reconciler::domain::policy::{Enforcement, Mode, examine};
use insta::assert_snapshot;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

const PROJECT: &str = "demo-project";
const APIS: [&str; 13] = [
    "appengine",
    "cloudfunctions",
    "cloudresourcemanager",
    "compute",
    "iam",
    "logging",
    "monitoring",
    "networkconnectivity",
    "orgpolicy",
    "run",
    "serviceusage",
    "sqladmin",
    "vpcaccess",
];

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egress-reconciler"));
    command.env_clear().stdin(Stdio::null());
    command
}

/// `simulate` in a process of its own, which ends with the test.
struct Google {
    process: Child,
    address: String,
}

impl Google {
    fn with(world: &Value) -> Self {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(world.to_string().as_bytes()).unwrap();
        let mut command = program();
        command.args(["simulate", "--listen", "127.0.0.1:0", "--world"]).arg(file.path());
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.as_mut().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let from = first.find("http://").unwrap() + "http://".len();
        let address = first[from..].split('/').next().unwrap().to_owned();
        Self { process, address }
    }

    fn init(&self) -> (Option<i32>, String, String) {
        let mut command = program();
        command.args(["init", "--project", PROJECT]);
        let others =
            APIS.iter().filter(|api| !["compute", "vpcaccess"].contains(api)).map(|api| (*api, format!("svc/{api}/")));
        for (api, path) in
            [("compute", "compute/v1/".to_owned()), ("vpcaccess", String::new())].into_iter().chain(others)
        {
            let variable = format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{}", api.to_uppercase());
            command.env(variable, format!("http://{}/{path}", self.address));
        }
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }
}

impl Drop for Google {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn compute(kind: &str, project: &str, place: &str, name: &str, more: Value) -> (String, Value) {
    let link = |rest: &str| format!("https://www.googleapis.com/compute/v1/projects/{rest}");
    let mut document = more;
    document["name"] = name.into();
    document["selfLink"] = link(&format!("{project}/{place}/{kind}/{name}")).into();
    (format!("compute.{kind}"), document)
}

fn network(project: &str, name: &str) -> String {
    format!("https://www.googleapis.com/compute/v1/projects/{project}/global/networks/{name}")
}

fn a_network(project: &str, name: &str) -> Vec<(String, Value)> {
    let gateway =
        format!("https://www.googleapis.com/compute/v1/projects/{project}/global/gateways/default-internet-gateway");
    let route = json!({"network": network(project, name), "destRange": "0.0.0.0/0", "priority": 1000, "nextHopGateway": gateway});
    vec![
        compute("networks", project, "global", name, json!({"autoCreateSubnetworks": false})),
        compute("routes", project, "global", &format!("default-route-{name}"), route),
    ]
}

fn subnet(project: &str, of: &str, region: &str, name: &str, range: &str) -> (String, Value) {
    let region_link = format!("https://www.googleapis.com/compute/v1/projects/{project}/regions/{region}");
    let more =
        json!({"network": network(project, of), "ipCidrRange": range, "region": region_link, "purpose": "PRIVATE"});
    compute("subnetworks", project, &format!("regions/{region}"), name, more)
}

fn connector(region: &str, name: &str, more: Value) -> (String, Value) {
    let mut document = more;
    document["name"] = format!("projects/{PROJECT}/locations/{region}/connectors/{name}").into();
    document["state"] = "READY".into();
    document["machineType"] = "e2-micro".into();
    document["minInstances"] = 2.into();
    document["maxInstances"] = 3.into();
    ("vpcaccess.connectors".to_owned(), document)
}

fn world(projects: &[&str], documents: Vec<(String, Value)>) -> Value {
    let apis = APIS.map(|api| format!("{api}.googleapis.com"));
    let project = |(index, id): (usize, &&str)| {
        ((*id).to_owned(), json!({"number": format!("12345678901{index}"), "apis": apis}))
    };
    let projects: serde_json::Map<String, Value> = projects.iter().enumerate().map(project).collect();
    let mut resources = serde_json::Map::new();
    for (kind, document) in documents {
        let list = resources.entry(kind).or_insert_with(|| json!([]));
        list.as_array_mut().unwrap().push(document);
    }
    json!({
        "version": 1, "regions": ["europe-west1", "europe-west2", "us-east1"], "projects": projects, "resources": resources,
    })
}

/// What `init` writes; it is right, and has no warning.
fn written(world: &Value) -> String {
    let (status, out, err) = Google::with(world).init();
    assert_eq!((status, err.as_str()), (Some(0), ""), "{out}");
    let today = "2026-11-28".parse().unwrap();
    let examined = examine(&out, today);
    assert!(examined.faults.is_empty(), "{:?}\n{out}", examined.faults);
    // Whoever takes the comments away has a right policy too.
    let mut whole = out.replace("# nat:\n#   ", "nat:\n  ").replace("  #   - ", "    - ");
    for key in ["subnet_pools:", "adopt:", "override_denies:"] {
        whole = whole.replace(&format!("  # {key}"), &format!("  {key}"));
    }
    let uncommented = examine(&whole, today);
    assert!(uncommented.faults.is_empty(), "{:?}\n{whole}", uncommented.faults);
    let policy = examined.policy.unwrap();
    assert_eq!((policy.mode, policy.firewall.enforcement), (Mode::Report, Enforcement::Observe));
    out
}

#[test]
fn an_empty_project() {
    assert_snapshot!(written(&world(&[PROJECT], Vec::new())));
}

#[test]
fn one_project() {
    let mut documents = a_network(PROJECT, "my-vpc");
    documents.extend(a_network(PROJECT, "other"));
    documents.push(subnet(PROJECT, "my-vpc", "europe-west2", "apps", "10.8.0.0/22"));
    documents.push(connector("europe-west2", "conn", json!({"network": "my-vpc", "ipCidrRange": "10.9.0.0/28"})));
    assert_snapshot!(written(&world(&[PROJECT], documents)));
}

#[test]
fn thirty_connectors() {
    let mut documents = a_network(PROJECT, "my-vpc");
    for index in 0..30 {
        let region = ["europe-west2", "us-east1"][index % 2];
        let range = format!("10.8.0.{}/28", index % 16 * 16);
        let range = if index < 16 { range } else { range.replace("10.8.0", "10.8.1") };
        let more = json!({"network": "my-vpc", "ipCidrRange": range});
        documents.push(connector(region, &format!("team-{index:02}"), more));
    }
    let deny = json!({
        "network": network(PROJECT, "my-vpc"), "direction": "EGRESS", "priority": 800, "denied": [{"IPProtocol": "all"}],
        "destinationRanges": ["198.51.100.0/24"], "disabled": false,
    });
    documents.push(compute("firewalls", PROJECT, "global", "deny-partner", deny.clone()));
    let mut tagged = deny;
    tagged["targetTags"] = json!(["web"]);
    documents.push(compute("firewalls", PROJECT, "global", "deny-web", tagged));
    assert_snapshot!(written(&world(&[PROJECT], documents)));
}

#[test]
fn a_service_project_of_a_shared_vpc() {
    let mut documents = a_network("net-host", "shared");
    documents.push(subnet("net-host", "shared", "europe-west2", "conn-subnet", "10.8.0.0/28"));
    let more = json!({"subnet": {"name": "conn-subnet", "projectId": "net-host"}});
    documents.push(connector("europe-west2", "conn", more));
    assert_snapshot!(written(&world(&[PROJECT, "net-host"], documents)));
}

#[test]
fn an_appliance_on_the_way_out() {
    let mut documents = a_network(PROJECT, "my-vpc");
    let hop = json!({"network": network(PROJECT, "my-vpc"), "destRange": "0.0.0.0/0", "priority": 100, "nextHopIp": "10.1.0.2"});
    documents.push(compute("routes", PROJECT, "global", "to-appliance", hop));
    documents.push(connector("europe-west2", "conn", json!({"network": "my-vpc", "ipCidrRange": "10.8.0.0/28"})));
    assert_snapshot!(written(&world(&[PROJECT], documents)));
}
