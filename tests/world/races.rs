//! A second writer of our router at every call of a run: what it adds is kept, or its loss is told.

use std::{
    sync::{
        Arc, Mutex, OnceLock, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use egress_reconciler::{
    app::App,
    domain::{
        audit::{classify::router_request, entry::Entry},
        plan::Note,
        report::{Outcome, Report},
    },
    google::transport::{BoxFuture, Request, Response, SendError, Transport},
    reconcile::queue::RunRequest,
    sim::{cloud::Cloud, world::World},
};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    cases::runtime,
    lab::{PROJECT, REGION, TestCloud, policy, world},
};

const ALICE: &str = "alice@example.com";
const RUNNER: &str = "runner@demo-project.iam.gserviceaccount.com";
const POLICY: &str = "connector: {subnet_pools: [10.8.0.0/20]}\nfirewall: {enforcement: allow-only}\n";

fn router_url() -> String {
    format!(
        "https://compute.googleapis.com/compute/v1/projects/{PROJECT}/regions/{REGION}/routers/egress-my-vpc-{REGION}"
    )
}

/// Alice adds a gateway of her team to our router, before or after a call of the program, as a client does that reads and
/// writes back the whole list.
struct Meddler {
    cloud: Arc<dyn Transport>,
    who: &'static str,
    /// Which call, counted from zero.
    at: usize,
    after: bool,
    /// How long she holds the program's call up: with no time at all her own operation is still under way.
    holds: Duration,
    calls: AtomicUsize,
    /// The program that hears her audit entries while it is held up.
    hears: OnceLock<(Weak<App>, Cloud)>,
    /// The call that she met, and whether Google took her change.
    met: Mutex<Option<(&'static str, bool)>>,
}

impl Meddler {
    async fn ask(&self, method: &str, body: Bytes) -> Response {
        let http = http::Request::builder()
            .method(method)
            .uri(router_url())
            .header("authorization", format!("Bearer {}", self.who))
            .header("content-type", "application/json")
            .body(body)
            .unwrap();
        self.cloud.send(Request { call: "test", http, deadline: Duration::from_secs(10) }).await.unwrap()
    }

    async fn meddle(&self, call: &'static str) {
        let router: Value = serde_json::from_slice(self.ask("GET", Bytes::new()).await.body()).unwrap();
        let mut nats = router["nats"].as_array().cloned().unwrap_or_default();
        let team = format!("projects/{PROJECT}/regions/{REGION}/subnetworks/team");
        nats.push(json!({
            "name": "team-nat", "natIpAllocateOption": "AUTO_ONLY",
            "sourceSubnetworkIpRangesToNat": "LIST_OF_SUBNETWORKS",
            "subnetworks": [{"name": team, "sourceIpRangesToNat": ["ALL_IP_RANGES"]}],
        }));
        let answer = self.ask("PATCH", json!({"nats": nats}).to_string().into()).await;
        *self.met.lock().unwrap() = Some((call, answer.status() == 200));
        sleep(self.holds).await;
        if let Some((app, cloud)) = self.hears.get() {
            hear(&app.upgrade().unwrap(), cloud);
        }
    }
}

impl Transport for Meddler {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>> {
        let mine = self.calls.fetch_add(1, Ordering::Relaxed) == self.at;
        Box::pin(async move {
            let call = request.call;
            if mine && !self.after {
                self.meddle(call).await;
            }
            let answer = self.cloud.send(request).await;
            if mine && self.after {
                self.meddle(call).await;
            }
            answer
        })
    }
}

/// Our gateway serves one connector, and a job names another.
async fn start(drifted: bool) -> World {
    let world = world().subnetwork(PROJECT, REGION, "team", "my-vpc", "10.30.0.0/24");
    let lab = TestCloud::new(world, &policy(POLICY));
    lab.deploy("nightly", "conn").await;
    lab.hear(0).await;
    sleep(Duration::from_secs(180)).await;
    assert_eq!(lab.run().await.outcome, Outcome::InSync);
    if drifted {
        let mut router: Value =
            serde_json::from_slice(lab.call("GET", &router_url(), Value::Null).await.body()).unwrap();
        router["nats"][0]["logConfig"] = json!({"enable": false});
        let answer = lab.call("PATCH", &router_url(), json!({"nats": router["nats"]})).await;
        assert_eq!(answer.status(), 200);
        sleep(Duration::from_secs(5)).await;
    }
    let connector = format!("projects/{PROJECT}/locations/{REGION}/connectors/second");
    let access = json!({"connector": connector, "egress": "ALL_TRAFFIC"});
    let job = json!({"template": {"template": {"containers": [{"image": "i"}], "vpcAccess": access}}});
    let world = lab.cloud.world();
    if drifted {
        world
    } else {
        world.document("run.jobs", &format!("projects/{PROJECT}/locations/{REGION}/jobs/b"), job)
    }
}

/// Takes in what the audit log says of routers.
fn hear(app: &App, cloud: &Cloud) {
    for entry in cloud.audit_entries() {
        let entry = entry.to_string();
        if let Some(request) = router_request(&Entry::parse(entry.as_bytes()).unwrap(), &app.scope()) {
            app.engine.hear(request);
        }
    }
}

/// What a run tells beside whom, the call that she met, whether her change was taken, and the gateways in the end.
async fn race(
    start: World,
    who: &'static str,
    at: usize,
    after: bool,
    holds: Duration,
) -> Option<(Arc<Report>, &'static str, bool, Vec<String>)> {
    let lab = TestCloud::new(start, &policy(POLICY));
    let meddler = Arc::new(Meddler {
        cloud: lab.cloud.transport(),
        who,
        at,
        after,
        holds,
        calls: AtomicUsize::new(0),
        hears: OnceLock::new(),
        met: Mutex::default(),
    });
    let report = lab.beside(meddler.clone()).queue.submit(RunRequest::new(lab.target())).await;
    let (call, taken) = meddler.met.lock().unwrap().take()?;
    sleep(Duration::from_secs(30)).await;
    let router = lab.call("GET", &router_url(), Value::Null).await;
    let router: Value = serde_json::from_slice(router.body()).unwrap();
    let names = router["nats"].as_array().unwrap().iter().map(|nat| nat["name"].as_str().unwrap().to_owned());
    Some((report, call, taken, names.collect()))
}

#[test]
fn what_another_adds_to_our_router_is_kept_or_its_loss_is_told() {
    // The program may run on behalf of the very person.
    for (drifted, who) in [(false, ALICE), (true, ALICE), (false, RUNNER)] {
        let start = runtime().block_on(start(drifted));
        let (mut met, mut told) = (0, 0);
        for (after, holds) in [(false, 0), (false, 1500), (true, 0), (true, 1500)] {
            for at in 0.. {
                let raced = race(start.clone(), who, at, after, Duration::from_millis(holds));
                let Some((report, call, taken, nats)) = runtime().block_on(raced) else { break };
                met += 1;
                let here = format!(
                    "{who}, drifted {drifted}, call {at} {call}, after {after}, held up {holds} ms: {report:#?}"
                );
                assert!(nats.contains(&"egress-nat".to_owned()), "{nats:?} {here}");
                let note = report.findings.iter().find(|note| note.code.word() == "router-raced");
                if taken && !nats.contains(&"team-nat".to_owned()) {
                    // Nothing but her whole change between our read and our write is lost.
                    let window = if after { "compute.routers.get" } else { "compute.routers.patch" };
                    assert_eq!((call, holds), (window, 1500), "{here}");
                    let note = note.unwrap_or_else(|| panic!("not told: {here}"));
                    assert_eq!(note.by.as_deref(), Some(who));
                    assert!(
                        note.text.contains("is not known") && note.text.contains("gcloud logging read"),
                        "{note:?}"
                    );
                    told += 1;
                } else {
                    // A read that is held up on its way cannot be told from one that was answered before.
                    assert!(note.is_none() || (call, after) == ("compute.routers.get", false), "{here}");
                }
                assert!(
                    report.steps.iter().any(|step| step.step.to_string().starts_with("router/") && step.is_done()),
                    "{here}"
                );
            }
        }
        assert!(met > 60 && told == 2, "{met} races, {told} told");
    }
}

/// Her audit entry tells which NAT it was, whether it comes before the run ends or after.
#[test]
fn the_nat_that_is_lost_is_named() {
    let start = runtime().block_on(start(false));
    let raced = |report: &Report| -> Vec<Note> {
        report.findings.iter().filter(|note| note.code.word() == "router-raced").cloned().collect()
    };
    for heard_in_time in [true, false] {
        let mut met = 0;
        for at in 0.. {
            let run = async {
                let lab = TestCloud::new(start.clone(), &policy(POLICY));
                let meddler = Arc::new(Meddler {
                    cloud: lab.cloud.transport(),
                    who: ALICE,
                    at,
                    after: false,
                    holds: Duration::from_millis(1500),
                    calls: AtomicUsize::new(0),
                    hears: OnceLock::new(),
                    met: Mutex::default(),
                });
                let app = lab.beside(meddler.clone());
                if heard_in_time {
                    let _ = meddler.hears.set((Arc::downgrade(&app), lab.cloud.clone()));
                }
                let first = app.queue.submit(RunRequest::new(lab.target())).await;
                let (call, _) = meddler.met.lock().unwrap().take()?;
                sleep(Duration::from_secs(30)).await;
                hear(&app, &lab.cloud);
                let later = app.queue.submit(RunRequest::new(lab.target())).await;
                sleep(Duration::from_secs(3600)).await;
                let much_later = app.queue.submit(RunRequest::new(lab.target())).await;
                Some((call, [first, later, much_later].map(|report| raced(&report))))
            };
            let Some((call, [first, later, much_later])) = runtime().block_on(run) else { break };
            if call != "compute.routers.patch" {
                continue;
            }
            met += 1;
            let named = "NAT team-nat, which that change asked for, is gone";
            assert_eq!(first.len(), 1);
            assert_eq!(first[0].text.contains(named), heard_in_time, "{first:?}");
            assert_eq!(first[0].text.contains("is not known"), !heard_in_time, "{first:?}");
            assert!(later.len() == 1 && later[0].text.contains(named), "{later:?}");
            assert_eq!(much_later, []);
        }
        assert_eq!(met, 1);
    }
}
