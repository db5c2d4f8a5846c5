//! gcloud against the simulated Google, with nothing but the variables that `simulate` prints.

use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use super::google::Google;

/// A gcloud with a configuration of its own and a simulated Google of its own.
pub struct Gcloud {
    google: Google,
    config: TempDir,
}

impl Gcloud {
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// Over a simulated Google that is started with more arguments.
    pub fn with(more: &[&str]) -> Self {
        Self { google: Google::start(more), config: tempfile::tempdir().unwrap() }
    }

    /// Where the simulated Google listens.
    pub fn google(&self) -> &str {
        &self.google.address
    }

    /// A command in whose environment gcloud finds the simulated Google.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .envs(self.google.exports.iter().map(|(name, value)| (name, value)))
            .env("CLOUDSDK_CONFIG", self.config.path())
            .env("CLOUDSDK_CORE_DISABLE_PROMPTS", "1")
            .env("CLOUDSDK_CORE_DISABLE_USAGE_REPORTING", "true")
            .env("CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK", "true")
            .stdin(Stdio::null());
        command
    }

    /// Lets all that has been begun end: some commands do not wait for it, and reading a connector lags its operation.
    pub fn settle(&self) {
        self.google.settle();
    }

    /// Says each line to gcloud and holds what it says to the expected status and pieces of text. Each finds a world in
    /// which all that went before it has ended.
    pub fn hold(&self, cases: &[(&str, i32, &[&str])]) {
        for (line, status, says) in cases {
            self.settle();
            let output = self.command("gcloud").args(words(line)).output().expect("gcloud is needed");
            let said = said(&output);
            assert_eq!(output.status.code(), Some(*status), "gcloud {line}\n{said}");
            for piece in *says {
                assert!(said.contains(piece), "gcloud {line}\n{said}\nlacks: {piece}");
            }
        }
    }
}

/// The words of a line, as a shell takes them apart: what stands between single quotes is kept together.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (i, part) in line.split('\'').enumerate() {
        for (k, word) in part.split(|letter: char| i % 2 == 0 && letter.is_whitespace()).enumerate() {
            if k > 0 {
                words.push(String::new());
            }
            words.last_mut().unwrap().push_str(word);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What was said, on both channels.
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn it_is_the_version_that_these_words_are_from() {
    let output = Command::new("gcloud").arg("version").output().expect("gcloud is needed");
    assert!(said(&output).contains("Google Cloud SDK 528."), "{output:?}");
}

#[test]
fn networks_and_subnets() {
    Gcloud::new().hold(&[
        ("compute networks create net --subnet-mode=custom", 0, &["/global/networks/net]", "CUSTOM"]),
        (
            "compute networks create net --subnet-mode=custom",
            1,
            &["'projects/demo-project/global/networks/net' already exists"],
        ),
        ("compute networks create Net", 1, &["Invalid value for field 'resource.name': 'Net'"]),
        ("compute networks list", 0, &["my-vpc", "net"]),
        // For this one gcloud does not wait.
        ("compute networks update net --bgp-routing-mode=global", 0, &[]),
        ("compute networks describe net --format=value(routingConfig.routingMode)", 0, &["GLOBAL"]),
        (
            "compute networks subnets create sub --network=net --range=10.10.0.0/28 --region=europe-west2",
            0,
            &["10.10.0.0/28"],
        ),
        (
            "compute networks subnets create two --network=net --range=10.10.0.0/24 --region=europe-west2",
            1,
            &["conflicts with existing subnetwork 'sub'"],
        ),
        ("compute networks subnets list --network=net", 0, &["sub", "europe-west2", "IPV4_ONLY"]),
        (
            "compute networks subnets update sub --region=europe-west2 --enable-private-ip-google-access",
            0,
            &["Updated"],
        ),
        (
            "compute networks subnets describe sub --region=europe-west2",
            0,
            &["privateIpGoogleAccess: true", "gatewayAddress: 10.10.0.1", "fingerprint: "],
        ),
        (
            "compute operations list --format=value(operationType,targetLink.basename(),status)",
            0,
            &["insert\tnet\tDONE", "insert\tsub\tDONE"],
        ),
        (
            "compute networks delete net",
            1,
            &["is already being used by 'projects/demo-project/regions/europe-west2/subnetworks/sub'"],
        ),
        ("compute networks subnets delete sub --region=europe-west2", 0, &["Deleted"]),
        ("compute networks delete net", 0, &["Deleted"]),
        (
            "compute networks describe net",
            1,
            &["The resource 'projects/demo-project/global/networks/net' was not found"],
        ),
    ]);
}

#[test]
fn routers_and_nats() {
    let nat = |verb: &str, more: &str| {
        format!("compute routers nats {verb} nat --router=router --region=europe-west2 {more}")
    };
    let create = nat("create", "--auto-allocate-nat-external-ips --nat-all-subnet-ip-ranges --enable-logging");
    Gcloud::new().hold(&[
        ("compute routers create router --network=my-vpc --region=europe-west2", 0, &["Creating router [router]", "my-vpc"]),
        ("compute routers create router --network=my-vpc --region=europe-west2", 1, &["already exists"]),
        ("compute routers list", 0, &["router", "europe-west2", "my-vpc"]),
        (&create, 0, &["Creating NAT [nat] in router [router]"]),
        (&create, 1, &["HTTPError 400: Invalid value for field 'resource.nats[1].name': 'nat'"]),
        (&nat("describe", ""), 0, &["autoNetworkTier: PREMIUM", "enable: true", "sourceSubnetworkIpRangesToNat: ALL_SUBNETWORKS_ALL_IP_RANGES"]),
        ("compute routers nats list --router=router --region=europe-west2", 0, &["nat", "AUTO_ONLY"]),
        (&nat("update", "--log-filter=ERRORS_ONLY --min-ports-per-vm=128"), 0, &["Updating nat [nat]"]),
        (&nat("describe", "--format=value(logConfig.filter,minPortsPerVm)"), 0, &["ERRORS_ONLY\t128"]),
        ("compute routers create other --network=my-vpc --region=europe-west2", 0, &[]),
        ("compute routers nats create second --router=other --region=europe-west2 --auto-allocate-nat-external-ips --nat-all-subnet-ip-ranges", 1, &["Can not create new Nats since a Nat with option ALL_SUBNETWORKS_ALL_IP_RANGES exists."]),
        (&nat("delete", ""), 0, &["Updated"]),
        (&nat("describe", ""), 1, &["NAT `nat` not found"]),
        ("compute routers delete router --region=europe-west2", 0, &["Deleted"]),
        ("compute routers describe router --region=europe-west2", 1, &["regions/europe-west2/routers/router' was not found"]),
    ]);
}

#[test]
fn firewall_rules() {
    Gcloud::new().hold(&[
        ("compute firewall-rules create deny --network=my-vpc --direction=EGRESS --action=DENY --rules=all --target-tags=vpc-connector --priority=990", 0, &["EGRESS", "990", "all"]),
        ("compute firewall-rules create deny --network=my-vpc --allow=tcp:443", 1, &["already exists"]),
        ("compute firewall-rules create none --network=none --allow=tcp:443", 1, &["global/networks/none' was not found"]),
        ("compute firewall-rules create default --allow=tcp:443", 1, &["global/networks/default' was not found"]),
        ("compute firewall-rules create far --network=my-vpc --allow=tcp:443 --priority=70000", 1, &["between 0 and 65535"]),
        ("compute firewall-rules update deny --disabled", 0, &["Updated"]),
        ("compute firewall-rules list", 0, &["deny", "my-vpc", "True"]),
        ("compute firewall-rules describe deny --format=value(destinationRanges,disabled,logConfig.enable)", 0, &["0.0.0.0/0\tTrue\tFalse"]),
        ("compute networks get-effective-firewalls my-vpc", 0, &["network-firewall", "990", "DENY", "EGRESS"]),
        ("compute firewall-rules delete deny", 0, &["Deleted"]),
        ("compute firewall-rules describe deny", 1, &["global/firewalls/deny' was not found"]),
    ]);
}

#[test]
fn firewall_policies() {
    let of = "--firewall-policy=guard --global-firewall-policy";
    let rule = format!(
        "compute network-firewall-policies rules create 1000 {of} --direction=EGRESS --action=deny --src-ip-ranges=10.8.0.0/28 --dest-ip-ranges=0.0.0.0/0 --layer4-configs=all"
    );
    let policies = |what: &str| format!("compute network-firewall-policies {what}");
    Gcloud::new().hold(&[
        (&policies("create guard --global"), 0, &["Created", "global/firewallPolicies/guard]"]),
        (&rule, 0, &["Updated"]),
        (&rule, 1, &["Cannot have rules with the same priorities."]),
        (&policies(&format!("associations create {of} --network=my-vpc --name=here")), 0, &["Updated"]),
        (
            "compute networks get-effective-firewalls my-vpc",
            0,
            &["network-firewall-policy", "1000", "DENY", "GOTO_NEXT"],
        ),
        (&policies(&format!("rules update 1000 {of} --disabled")), 0, &["Updated"]),
        (&policies("describe guard --global"), 0, &["attachmentTarget", "disabled: true", "fingerprint: "]),
        (
            &policies("delete guard --global"),
            1,
            &["is already being used by 'projects/demo-project/global/networks/my-vpc'"],
        ),
        (&policies(&format!("rules delete 1000 {of}")), 0, &["Updated"]),
        (&policies(&format!("associations delete {of} --name=here")), 0, &["Updated"]),
        (&policies("delete guard --global"), 0, &["Deleted"]),
    ]);
}

#[test]
fn connectors() {
    Gcloud::new().hold(&[
        ("compute networks subnets create small --network=my-vpc --range=10.10.0.0/28 --region=europe-west2", 0, &[]),
        ("compute networks subnets create wide --network=my-vpc --range=10.11.0.0/24 --region=europe-west2", 0, &[]),
        ("compute networks vpc-access connectors create conn --region=europe-west2 --subnet=small --min-instances=2 --max-instances=3 --machine-type=e2-micro", 0, &["Created connector [conn]."]),
        ("compute networks vpc-access connectors create conn --region=europe-west2 --subnet=small --min-instances=2 --max-instances=3", 1, &["already exists"]),
        ("compute networks vpc-access connectors create broad --region=europe-west2 --subnet=wide --min-instances=2 --max-instances=3", 1, &["/28"]),
        ("compute networks vpc-access connectors create clash --region=europe-west2 --network=my-vpc --range=10.11.0.16/28 --min-instances=2 --max-instances=3", 1, &["Please delete the connector manually."]),
        ("compute networks vpc-access connectors list --region=europe-west2 --format=value(name.basename(),state)", 0, &["clash\t", "conn\tREADY"]),
        ("compute networks vpc-access connectors describe conn --region=europe-west2", 0, &["machineType: e2-micro", "maxInstances: 3", "name: small", "state: READY"]),
        ("compute networks vpc-access connectors update conn --region=europe-west2 --min-instances=2 --max-instances=5", 0, &["Updated connector [conn]."]),
        ("compute networks vpc-access operations list --region=europe-west2 --format=value(metadata.method.basename(),done)", 0, &["VpcAccessService.CreateConnector", "VpcAccessService.UpdateConnector"]),
        ("compute networks subnets delete small --region=europe-west2", 1, &["is already being used by"]),
        ("compute networks vpc-access connectors describe clash --region=europe-west2", 0, &["state: ERROR"]),
        ("compute networks vpc-access connectors delete conn --region=europe-west2", 0, &["Deleted connector [conn]."]),
        ("compute networks vpc-access connectors delete conn --region=europe-west2", 1, &["The connector is not found."]),
    ]);
}

const CONNECTOR: &str = "compute networks vpc-access connectors create conn --region=europe-west2 --network=my-vpc \
                         --range=10.10.0.0/28 --min-instances=2 --max-instances=3";

#[test]
fn jobs() {
    Gcloud::new().hold(&[
        ("run jobs deploy job --image=gcr.io/demo-project/image --region=europe-west2 --vpc-connector=conn --vpc-egress=all-traffic", 1, &["VPC connector projects/demo-project/locations/europe-west2/connectors/conn does not exist, or Cloud Run does not have permission to use it."]),
        (CONNECTOR, 0, &[]),
        ("run jobs deploy job --image=gcr.io/demo-project/image --region=europe-west2 --vpc-connector=conn --vpc-egress=all-traffic --memory=512Mi --cpu=1 --task-timeout=5m --max-retries=3 --set-env-vars=MODE=fast --set-secrets=TOKEN=token:latest", 0, &["has successfully been deployed"]),
        ("run jobs describe job --region=europe-west2", 0, &["connectors/conn", "all-traffic", "Task Timeout:    5m", "MODE", "fast", "TOKEN", "token:latest"]),
        ("run jobs list --region=europe-west2", 0, &["job", "europe-west2"]),
        ("run jobs list", 0, &["job", "europe-west2"]),
        ("run jobs update job --region=europe-west2 --vpc-egress=private-ranges-only", 0, &["has successfully been updated"]),
        ("run jobs describe job --region=europe-west2", 0, &["private-ranges-only"]),
        ("run jobs update job --region=europe-west2 --clear-vpc-connector", 0, &["has successfully been updated"]),
        ("run jobs delete job --region=europe-west2", 0, &["Deleted job [job]."]),
        ("run jobs describe job --region=europe-west2", 1, &["Cannot find job [job]"]),
    ]);
}

#[test]
fn services() {
    Gcloud::new().hold(&[
        ("run deploy web --image=gcr.io/demo-project/image --region=europe-west2 --vpc-connector=conn --no-allow-unauthenticated", 1, &["VPC connector projects/demo-project/locations/europe-west2/connectors/conn does not exist, or Cloud Run does not have permission to use it."]),
        (CONNECTOR, 0, &[]),
        ("run deploy web --image=gcr.io/demo-project/image --region=europe-west2 --vpc-connector=conn --vpc-egress=all-traffic --no-allow-unauthenticated", 0, &["has been deployed and is serving"]),
        ("run deploy web --image=gcr.io/demo-project/image:2 --region=europe-west2 --no-allow-unauthenticated", 0, &["web-00002-sim"]),
        ("run services list", 0, &["web", "europe-west2", "run.app"]),
        ("run services describe web --region=europe-west2", 0, &["connectors/conn", "gcr.io/demo-project/image:2"]),
        ("run services delete web --region=europe-west2", 0, &["Deleted service [web]."]),
        ("run services describe web --region=europe-west2", 1, &["Cannot find service [web]"]),
    ]);
}

/// That everybody may call a service is said without a warning, and taken back.
#[test]
fn who_may_call_a_service() {
    let gcloud = Gcloud::new();
    let deploy = "run deploy web --image=gcr.io/demo-project/image --region=europe-west2";
    let output =
        gcloud.command("gcloud").args(deploy.split_whitespace()).arg("--allow-unauthenticated").output().unwrap();
    assert!(output.status.success() && !said(&output).contains("Setting IAM policy failed"), "{}", said(&output));
    let policy = "run services get-iam-policy web --region=europe-west2 --format=json(bindings)";
    gcloud.hold(&[
        (policy, 0, &["allUsers", "roles/run.invoker"]),
        (&format!("{deploy} --no-allow-unauthenticated"), 0, &["has been deployed and is serving"]),
        (policy, 0, &["null"]),
        // Not told, gcloud asks whether it might.
        ("run deploy other --image=gcr.io/demo-project/image --region=europe-west2", 0, &["has been deployed and is serving"]),
        ("run services add-iam-policy-binding web --region=europe-west2 --member=user:ann@example.com --role=roles/run.invoker", 0, &["user:ann@example.com"]),
    ]);
}
