//! The README's install, from an empty project to an empty project: what `deploy/gcloud.sh` makes is what delivers, in a
//! world where nobody but the operator may do anything that the installation does not grant.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use tempfile::TempDir;

use super::gcloud::{Gcloud, said};

const PROGRAM: &str = env!("CARGO_BIN_EXE_egress-reconciler");
const RUNTIME: &str = "egress-reconciler@demo-project.iam.gserviceaccount.com";
const DEPLOY: &str = "run jobs deploy nightly --image=gcr.io/demo-project/image --region=europe-west2 \
                      --vpc-connector=conn --vpc-egress=all-traffic";
/// For so long what the service does by itself is waited for. It reads the real clock and would not believe tokens of a
/// simulated one that is far ahead, so that this clock is not moved.
const PATIENCE: Duration = Duration::from_secs(120);
const RULE: &str = "allow-conn-europe-west2-int";
const ROUTER: &str = "egress-my-vpc-europe-west2";

/// A project, before and after.
struct Home {
    gcloud: Gcloud,
    folder: TempDir,
    /// Where the container listens.
    port: u16,
    http: reqwest::Client,
}

/// The deployed service, run here.
struct Container(Child);

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Home {
    fn new() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let world = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/world.json");
        let gcloud = Gcloud::with(&["--world", world, "--service-at", &format!("http://127.0.0.1:{port}")]);
        let home = Self { gcloud, folder: tempfile::tempdir().unwrap(), port, http: reqwest::Client::new() };
        let example = Command::new(PROGRAM).args(["policy", "example"]).output().unwrap();
        let policy = String::from_utf8(example.stdout).unwrap().replace("my-project", "demo-project");
        let policy =
            policy.replace("mode: report", "mode: enforce").replace("enforcement: observe", "enforcement: enforce");
        fs::write(home.policy(), policy).unwrap();
        home
    }

    fn policy(&self) -> PathBuf {
        self.folder.path().join("policy.yaml")
    }

    /// Runs deploy/gcloud.sh, which must succeed.
    fn script(&self, command: &str, more: &[&str]) -> String {
        let output = self
            .gcloud
            .command(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/gcloud.sh"))
            .env("EGRESS_RECONCILER", PROGRAM)
            .args([command, "--project", "demo-project", "--region", "europe-west2"])
            .args(more)
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {}", said(&output));
        said(&output)
    }

    fn install(&self) -> String {
        let policy = self.policy();
        let image = "europe-west2-docker.pkg.dev/demo-project/egress-reconciler/egress-reconciler:test";
        // What gcloud says of each thing tells whether it was made or was there.
        let policy = policy.to_str().unwrap();
        self.script("install", &["--verbose", "--policy", policy, "--projects", "demo-project", "--image", image])
    }

    /// Says a line to gcloud, which must do it, and returns what it prints.
    fn gcloud(&self, line: &str) -> String {
        let output = self.gcloud.command("gcloud").args(line.split_whitespace()).output().unwrap();
        assert!(output.status.success(), "gcloud {line}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.gcloud(&format!("{line} --format=json"))).unwrap()
    }

    async fn get(&self, url: &str) -> Option<String> {
        self.http.get(url).send().await.ok()?.text().await.ok()
    }

    async fn sim(&self, what: &str) -> Value {
        let text = self.get(&format!("http://{}/sim/{what}", self.gcloud.google())).await.unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// The container of the deployed service, with its arguments, variables and mounted secret, as Cloud Run would start it.
    async fn start(&self) -> Container {
        let described = self.json("run services describe egress-reconciler --region=europe-west2");
        assert_eq!(described["metadata"]["annotations"]["run.googleapis.com/ingress"], "internal");
        let container = &described["spec"]["template"]["spec"]["containers"][0];
        let mounted = self.folder.path().join("mounted.yaml");
        fs::write(&mounted, self.gcloud("secrets versions access latest --secret=egress-reconciler-policy")).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let child = self
            .gcloud
            .command(PROGRAM)
            .args(container["args"].as_array().unwrap().iter().map(text))
            .envs(container["env"].as_array().unwrap().iter().map(|it| (text(&it["name"]), text(&it["value"]))))
            .env("EGRESS_POLICY", mounted)
            .env("EGRESS_ACCESS_TOKEN", text(&described["spec"]["template"]["spec"]["serviceAccountName"]))
            .env("K_SERVICE", "egress-reconciler")
            .env("PORT", self.port.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let container = Container(child);
        self.until("the container listens", async || self.get(&self.of_service("livez")).await).await;
        container
    }

    fn of_service(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// Looks again and again until there is what is looked for.
    async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    fn doctor(&self) -> String {
        let service = "projects/demo-project/locations/europe-west2/services/egress-reconciler";
        let output = self
            .gcloud
            .command(PROGRAM)
            .arg("doctor")
            .arg("--policy")
            .arg(self.policy())
            .args(["--sink", "projects/demo-project/sinks/egress-reconciler-events"])
            .args(["--subscription", "projects/demo-project/subscriptions/egress-reconciler-events"])
            .args(["--service", service])
            .args(["--report-topic", "projects/demo-project/topics/egress-reconciler-reports"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    }

    /// The reports that have come, as `(attributes, report)`.
    fn reports(&self) -> Vec<(Value, Value)> {
        let pulled = self.json("pubsub subscriptions pull look --auto-ack --limit=100");
        let messages = pulled.as_array().unwrap().iter().map(|it| &it["message"]);
        let read =
            |data: &Value| serde_json::from_slice(&BASE64_STANDARD.decode(data.as_str().unwrap()).unwrap()).unwrap();
        messages.map(|message| (message["attributes"].clone(), read(&message["data"]))).collect()
    }
}

/// What is there: the paths of each collection, the APIs, and who is bound to what.
fn there(world: &Value) -> BTreeMap<String, Vec<String>> {
    let named = |document: &Value| {
        let names = ["selfLink", "resourceName", "name"].map(|field| document[field].as_str());
        names.into_iter().flatten().next().unwrap().to_owned()
    };
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (collection, documents) in world["resources"].as_object().unwrap() {
        let standing =
            documents.as_array().unwrap().iter().filter(|it| it["deleteTime"].is_null() && it["deleted"] != true);
        all.insert(collection.clone(), standing.map(named).collect());
    }
    for (path, policy) in world["policies"].as_object().unwrap() {
        all.insert(path.clone(), vec![policy["bindings"].to_string()]);
    }
    all.insert("apis".to_owned(), vec![world["projects"]["demo-project"]["apis"].to_string()]);
    all.retain(|_, found| !found.is_empty());
    all
}

#[tokio::test]
async fn what_is_installed_delivers_repairs_reports_and_leaves() {
    let home = Home::new();
    let empty = home.sim("world").await;
    let first = home.install();
    let once = there(&home.sim("world").await);
    assert!(first.contains("Created role [egressReconciler]"), "{first}");
    let again = home.install();
    assert_eq!(there(&home.sim("world").await), once, "{again}");
    assert!(!again.contains("Created "), "{again}");

    let container = home.start().await;
    let told = home.doctor();
    let warnings: Vec<_> = told.lines().filter(|line| !line.starts_with("ok")).collect();
    assert!(told.ends_with(" 0 unknown, 0 bad\n"), "{told}");
    // Nothing has happened yet but the deploy of the service itself.
    assert!(warnings.iter().any(|line| line.contains("last sweep: none in the last 24 hours")), "{told}");
    home.gcloud("scheduler jobs run egress-reconciler-sweep --location=europe-west2");
    home.gcloud("pubsub subscriptions create look --topic=egress-reconciler-reports --expiration-period=1d");
    makes_the_path(&home).await;
    home.until("the sweep is logged, the last that the doctor misses", async || {
        home.doctor().ends_with(" 0 warn, 0 unknown, 0 bad\n").then_some(())
    })
    .await;
    repairs_what_is_broken(&home).await;
    delivers_again_what_was_given_up(&home).await;
    // The roles in the project were enough.
    let calls = home.sim("calls").await;
    let ours: Vec<_> = calls.as_array().unwrap().iter().filter(|call| call["caller"] == RUNTIME).collect();
    // APIs that the project has not enabled are refused so, too.
    let is_off = |call: &str| call.starts_with("cloudfunctions.") || call.starts_with("appengine.");
    let allowed = |call: &&Value| call["status"] != 403 || call["call"].as_str().is_some_and(is_off);
    assert!(ours.len() > 50 && ours.iter().all(allowed), "{ours:#?}");

    drop(container);
    home.gcloud("pubsub subscriptions delete look");
    home.script("uninstall", &["--yes", "--projects", "demo-project"]);
    leaves_what_it_made_for_others(&empty, &home.sim("world").await);
}

/// The steps that reports tell as done.
fn done(reports: &[(Value, Value)]) -> BTreeSet<&str> {
    let steps = reports.iter().flat_map(|(_, report)| report["steps"].as_array().unwrap());
    steps.filter(|step| step["outcome"]["state"] == "done").filter_map(|step| step["step"].as_str()).collect()
}

/// A deploy is refused for want of its connector; the service hears of it, and the next is not.
async fn makes_the_path(home: &Home) {
    let refused = home.gcloud.command("gcloud").args(DEPLOY.split_whitespace()).output().unwrap();
    assert!(said(&refused).contains("connectors/conn does not exist"), "{}", said(&refused));
    let mut reports = Vec::new();
    home.until("the deny is reported, the last of the path", async || {
        reports.extend(home.reports());
        done(&reports).contains("firewall/deny-conn-europe-west2-egress").then_some(())
    })
    .await;
    home.gcloud(DEPLOY);
}

async fn repairs_what_is_broken(home: &Home) {
    home.reports();
    home.gcloud(&format!("compute firewall-rules update {RULE} --disabled"));
    home.gcloud(&format!("compute routers nats delete egress-nat --router={ROUTER} --region=europe-west2"));
    let mut reports = Vec::new();
    home.until("both are reported as repaired", async || {
        reports.extend(home.reports());
        let done = done(&reports);
        let both = [format!("firewall/{RULE}"), format!("router/{ROUTER}")];
        both.iter().all(|one| done.contains(one.as_str())).then_some(())
    })
    .await;
    for (_, report) in reports.iter().filter(|(of, _)| of["ce-subject"] == "changed") {
        assert_eq!(report["triggers"][0]["principal"], "operator@example.com", "{report}");
    }
    assert!(reports.iter().all(|(of, _)| of["ce-type"] == "dev.egress-reconciler.report.v1"), "{reports:#?}");
    let rule = home.json(&format!("compute firewall-rules describe {RULE}"));
    assert_eq!(rule["disabled"], false, "{rule}");
    let router = home.json(&format!("compute routers describe {ROUTER} --region=europe-west2"));
    assert_eq!(router["nats"][0]["name"], "egress-nat", "{router}");
}

/// What is in the dead letters goes to the service between `redrive` and `redrive-end`, and else stays.
async fn delivers_again_what_was_given_up(home: &Home) {
    let give_up = || home.gcloud("pubsub topics publish egress-reconciler-dead --message={}");
    give_up();
    home.script("redrive", &[]);
    home.until("the service has seen what is no audit entry", async || {
        let metrics = home.get(&home.of_service("metrics")).await?;
        metrics.contains("reason=\"not-audit\"").then_some(())
    })
    .await;
    home.script("redrive-end", &[]);
    give_up();
    let kept = home.json("pubsub subscriptions pull egress-reconciler-dead --limit=10");
    assert_eq!(kept.as_array().unwrap().len(), 1, "{kept}");
}

/// Nothing of the installation is left but its images and the APIs; what it made for jobs stands.
fn leaves_what_it_made_for_others(empty: &Value, left: &Value) {
    let (before, mut after) = (there(empty), there(left));
    for (collection, kept) in [
        ("artifactregistry.repositories", 1),
        ("compute.firewalls", 5),
        ("compute.routers", 1),
        ("compute.subnetworks", 1),
        ("run.jobs", 1),
        ("vpcaccess.connectors", 1),
    ] {
        assert_eq!(after.remove(collection).map_or(0, |found| found.len()), kept, "{collection}");
    }
    let project = after.remove("projects/demo-project").unwrap().concat();
    assert!(!project.contains("egress-reconciler"), "{project}");
    after.retain(|name, _| !name.contains("/repositories/") && name != "apis");
    let before: BTreeMap<_, _> = before.into_iter().filter(|(name, _)| name != "apis").collect();
    assert_eq!(after, before);
}
