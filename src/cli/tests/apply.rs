//! Waiting, on a clock that nobody has to wait for.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    app::{
        App, Settings,
        simulated::{self, Cloud, Simulation, Times},
    },
    cli::{apply::until_done, exit::Exit, session::Session},
    domain::{
        names::{ProjectId, Region},
        report::Outcome,
        target::Target,
    },
    google::transport::{BoxFuture, Request, Response, SendError, Transport},
    reconcile::queue::RunRequest,
    sim::{cloud::Options, world::World},
    support::{self, PolicyFile},
};
use serde_json::json;

const POLICY: &str = "\
version: 1
owner: team
mode: create
scope: {projects: [demo-project], regions: [europe-west2]}
network: {name: my-vpc}
connector: {subnet_pools: [10.8.0.0/20], declared: [{region: europe-west2, name: conn}]}
";

fn session(connector: Duration) -> (Session, Cloud, PolicyFile) {
    let policy = PolicyFile::new(POLICY);
    let simulation = Simulation {
        world: None,
        push_to: None,
        publish_to: None,
        service_at: None,
        times: Times { connector, ..Times::default() },
        has_quotas: false,
        seed: None,
    };
    let cloud = simulation.begin().unwrap();
    let settings = Settings { wide_interval: Duration::ZERO, ..support::settings(&policy) };
    let app: Arc<App> = simulated::app(settings, &cloud, ([127, 0, 0, 1], 9).into()).unwrap();
    (Session { app, flags: String::new() }, cloud, policy)
}

fn target() -> Target {
    Target { project: ProjectId::parse("demo-project").unwrap(), region: Region::parse("europe-west2").unwrap() }
}

#[tokio::test(start_paused = true)]
async fn waits_until_the_connector_stands() {
    let (session, _cloud, _policy) = session(Duration::from_secs(120));
    let reports = until_done(&session, vec![RunRequest::new(target())], Duration::from_secs(900), true).await;
    let report = &reports[0];
    assert_eq!(report.outcome, Outcome::Changed, "{report:?}");
    assert!(report.waiting_on.is_empty());
    assert!(report.steps.iter().any(|step| step.step.to_string() == "connector/conn" && step.is_done()));
    let again = until_done(&session, vec![RunRequest::new(target())], Duration::from_secs(900), true).await;
    assert_eq!((again[0].outcome, again[0].steps.len()), (Outcome::InSync, 0));
}

/// A connector is noticed within a tenth of the time that it takes, or five seconds, for one call a look.
#[tokio::test(start_paused = true)]
async fn a_connector_is_noticed_soon_after_it_stands() {
    for (connector, latest, looks) in [(0, 7_000, 25), (1, 8_000, 30), (120, 132_000, 70), (600, 612_000, 170)] {
        let (session, cloud, _policy) = session(Duration::from_secs(connector));
        let begun = Instant::now();
        let reports = until_done(&session, vec![RunRequest::new(target())], Duration::from_secs(900), true).await;
        let took = begun.elapsed().as_millis();
        assert_eq!(reports[0].outcome, Outcome::Changed, "{reports:#?}");
        // A second each for subnet and operation, and five until reads show a connector that stands.
        assert!((6_000 + connector as u128 * 1000..=latest).contains(&took), "{connector}: {took}");
        let lists = cloud.calls().iter().filter(|call| call.call.ends_with("connectors.list")).count();
        assert!(lists <= looks, "{connector}: {lists}");
    }
}

/// Network, subnet, connector, router with NAT and the rules, where there was nothing: what waits for nothing of the rest is
/// made beside it, and the command ends as soon as the last of it can be seen.
#[tokio::test(start_paused = true)]
async fn the_work_of_a_script_takes_as_long_as_its_longest_part() {
    let text =
        POLICY.replace("mode: create", "mode: enforce").replace("{name: my-vpc}", "{name: my-vpc, create: true}");
    let policy = PolicyFile::new(&format!("{text}nat: {{ensure: always}}\n"));
    let seconds = Duration::from_secs;
    // The network, its subnet, then the router; or then the connector, and until it can be read.
    for (connector, lag, expected) in
        [(0, 0, 3_000..=3_000), (1, 0, 3_000..=3_250), (0, 5, 7_000..=7_400), (1, 5, 8_000..=8_500)]
    {
        let world = World::with_project("demo-project", "123456789012");
        let options = Options {
            connector: seconds(connector),
            lag: seconds(lag),
            ..Options::starting_at(jiff::Timestamp::UNIX_EPOCH)
        };
        let session = in_cloud(world, &policy, options);
        let begun = Instant::now();
        let reports = until_done(&session, vec![RunRequest::new(target())], seconds(900), true).await;
        let took = begun.elapsed().as_millis();
        assert_eq!((reports[0].outcome, Exit::of_all(&reports)), (Outcome::Changed, Exit::Done), "{reports:#?}");
        assert!(expected.contains(&took), "connector {connector} s, lag {lag} s: {took} ms");
    }
}

/// A run writes three times at most; the command goes on while it makes progress, and ends with what was asked for: the
/// allows, the deny, its mark, and then the automatic rule is disabled.
#[tokio::test(start_paused = true)]
async fn goes_on_past_the_rounds_of_a_run() {
    let policy = PolicyFile::new(&format!(
        "{}firewall: {{enforcement: enforce, replace_auto: true}}\n",
        POLICY.replace("mode: create", "mode: enforce")
    ));
    let automatic = json!({
        "name": "vpc-access-allow-all-egress",
        "network": "projects/demo-project/global/networks/my-vpc", "direction": "EGRESS", "priority": 1000,
        "destinationRanges": ["0.0.0.0/0"], "allowed": [{"IPProtocol": "all"}], "targetTags": ["vpc-connector"],
    });
    for connector in [0, 1] {
        let path = "projects/demo-project/global/firewalls/vpc-access-allow-all-egress";
        let world = World::with_project("demo-project", "123456789012").network("demo-project", "my-vpc");
        let world = world.document("compute.firewalls", path, automatic.clone());
        let options =
            Options { connector: Duration::from_secs(connector), ..Options::starting_at(jiff::Timestamp::UNIX_EPOCH) };
        let session = in_cloud(world, &policy, options);
        let reports = until_done(&session, vec![RunRequest::new(target())], Duration::from_secs(900), true).await;
        let report = &reports[0];
        assert!(report.rounds > 3, "{report:#?}");
        assert_eq!((report.outcome, Exit::of_all(&reports)), (Outcome::Changed, Exit::Done), "{report:#?}");
        assert!(report.steps.iter().all(|step| step.is_done()), "{report:#?}");
        let done = |id: &str| report.steps.iter().any(|step| step.step.to_string() == id);
        let last = ["firewall/deny-conn-europe-west2-egress", "firewall/vpc-access-allow-all-egress"];
        assert!(last.into_iter().all(done), "{report:#?}");
        assert_eq!(
            until_done(&session, vec![RunRequest::new(target())], Duration::from_secs(900), true).await[0].outcome,
            Outcome::InSync
        );
    }
}

/// What the budget holds back is not asked for again and again.
#[tokio::test(start_paused = true)]
async fn a_budget_ends_the_command() {
    let policy = PolicyFile::new(&format!("{POLICY}budget: {{changes_per_run: 2}}\n"));
    let world = World::with_project("demo-project", "123456789012").network("demo-project", "my-vpc");
    let session = in_world(world, &policy);
    let report = until_done(&session, vec![RunRequest::new(target())], Duration::ZERO, true).await.remove(0);
    assert_eq!(report.done_steps(), 2, "{report:#?}");
}

#[tokio::test(start_paused = true)]
async fn gives_up_when_the_time_is_over_and_still_tells_what_was_done() {
    let (session, _cloud, _policy) = session(Duration::from_secs(1200));
    let begun = tokio::time::Instant::now();
    let reports = until_done(&session, vec![RunRequest::new(target())], Duration::from_secs(60), true).await;
    assert_eq!(reports[0].outcome, Outcome::Waiting);
    assert!(reports[0].changed());
    let took = begun.elapsed();
    assert!((60..120).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_brings_its_plan_and_writes_nothing() {
    let (session, cloud, _policy) = session(Duration::from_secs(60));
    let found = session.look(&[RunRequest::new(target())]).await;
    assert!(!found[0].plan.as_ref().unwrap().steps.is_empty());
    assert!(!cloud.calls().iter().any(|call| call.is_write()));
}

/// A transport with a fault that nothing foresees, at one target.
struct Faulty(Arc<dyn Transport>);

impl Transport for Faulty {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>> {
        assert!(!request.http.uri().path().contains("us-east1"), "a fault of ours");
        self.0.send(request)
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_at_one_target_hides_no_other() {
    let policy = PolicyFile::new(&POLICY.replace("[europe-west2]", "[europe-west2, us-east1]"));
    let mut world = World::with_project("demo-project", "123456789012").network("demo-project", "my-vpc");
    world.regions.extend(["europe-west2", "us-east1"].map(str::to_owned));
    let cloud = crate::sim::cloud::Cloud::new(world, Options::starting_at(jiff::Timestamp::UNIX_EPOCH), None).unwrap();
    let settings = Settings { wide_interval: Duration::ZERO, ..support::settings(&policy) };
    let app = support::program(settings, &cloud, Arc::new(Faulty(cloud.transport())), support::ids());
    let there = Target { region: Region::parse("us-east1").unwrap(), ..target() };
    let found = Session { app, flags: String::new() }.look(&[there.clone(), target()].map(RunRequest::new)).await;
    assert_eq!(found[0].report.outcome, Outcome::Failed);
    assert_eq!(found[0].report.target, Some(there));
    assert_eq!(found[0].report.findings[0].code.word(), "run-died");
    assert!(!found[1].plan.as_ref().unwrap().steps.is_empty(), "{:#?}", found[1].report);
}

/// Stops the command at one of its calls, as Ctrl-C does.
struct Interrupted {
    inner: Arc<dyn Transport>,
    at: usize,
    calls: AtomicUsize,
    stop: OnceLock<CancellationToken>,
}

impl Transport for Interrupted {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>> {
        if self.calls.fetch_add(1, Ordering::Relaxed) == self.at {
            self.stop.get().unwrap().cancel();
        }
        self.inner.send(request)
    }
}

/// Whenever it is stopped: each step is told once, and the next time everything is done.
#[tokio::test(start_paused = true)]
async fn a_command_that_is_stopped_is_gone_on_with() {
    let text = format!("{POLICY}firewall: {{enforcement: enforce}}\nnat: {{ensure: always}}\n");
    let policy = PolicyFile::new(&text);
    let mut stopped_with_work_left = 0;
    for at in (0..100).step_by(5) {
        let mut world = World::with_project("demo-project", "123456789012").network("demo-project", "my-vpc");
        world.regions.push("europe-west2".to_owned());
        let cloud = Cloud::new(world, Options::starting_at(jiff::Timestamp::UNIX_EPOCH), None).unwrap();
        support::run(&cloud);
        let settings = Settings { wide_interval: Duration::ZERO, ..support::settings(&policy) };
        let transport =
            Arc::new(Interrupted { inner: cloud.transport(), at, calls: AtomicUsize::new(0), stop: OnceLock::new() });
        let app = support::program(settings.clone(), &cloud, transport.clone(), support::ids());
        transport.stop.set(app.engine.stop.clone()).unwrap();
        let reports = until_done(
            &Session { app, flags: String::new() },
            vec![RunRequest::new(target())],
            Duration::from_secs(900),
            true,
        )
        .await;
        let mut rows: Vec<_> =
            reports.iter().flat_map(|report| &report.steps).map(|step| (step.step.to_string(), step.verb)).collect();
        let all = rows.len();
        rows.sort();
        rows.dedup();
        assert_eq!(rows.len(), all, "stopped at call {at}: {reports:#?}");
        stopped_with_work_left += usize::from(Exit::of_all(&reports) == Exit::Changes);

        let app = support::program(settings, &cloud, cloud.transport(), support::ids());
        let session = Session { app, flags: String::new() };
        let request = || vec![RunRequest::new(target())];
        let after = until_done(&session, request(), Duration::from_secs(900), true).await;
        assert_eq!(Exit::of_all(&after), Exit::Done, "stopped at call {at}: {after:#?}");
        let last = until_done(&session, request(), Duration::from_secs(900), true).await;
        assert_eq!((last[0].outcome, last[0].steps.len()), (Outcome::InSync, 0), "stopped at call {at}");
    }
    assert!(stopped_with_work_left >= 10, "{stopped_with_work_left}");
}

#[tokio::test(start_paused = true)]
async fn what_the_policy_does_not_name_is_refused() {
    let (session, _cloud, _policy) = session(Duration::from_secs(60));
    let (demo, other) = (ProjectId::parse("demo-project").unwrap(), ProjectId::parse("other-project").unwrap());
    let (here, there) = (Region::parse("europe-west2").unwrap(), Region::parse("us-east1").unwrap());
    assert_eq!(session.targets(std::slice::from_ref(&demo), None).await.unwrap(), [target()]);
    assert_eq!(session.targets(std::slice::from_ref(&demo), Some(&here)).await.unwrap(), [target()]);
    let refusals = [
        (
            &other,
            None,
            "--project: found other-project, expected one of the policy's scope.projects and scope.hosts (demo-project)",
        ),
        (&demo, Some(&there), "--region: found us-east1, expected one of the policy's scope.regions (europe-west2)"),
    ];
    for (project, region, words) in refusals {
        let error = session.targets(std::slice::from_ref(project), region).await.unwrap_err().to_string();
        assert!(error.starts_with(words), "{error}");
    }
}

/// What is written in another project is waited for, and told.
#[tokio::test(start_paused = true)]
async fn runs_that_were_asked_for_elsewhere_are_waited_for_and_told() {
    for (names, expected) in
        [("*", [Outcome::InSync, Outcome::Changed]), ("egress*", [Outcome::Blocked, Outcome::Blocked])]
    {
        let text = format!(
            "version: 1\nowner: team\nmode: create\nscope: {{projects: [demo-project], hosts: [other-project], regions: [europe-west2]}}\n\
            network: {{name: my-vpc}}\nconnector: {{subnet_pools: [10.8.0.0/20], names: [\"{names}\"]}}\n"
        );
        let policy = PolicyFile::new(&text);
        let session = in_world(shared(), &policy);
        let reports = until_done(&session, vec![RunRequest::new(target())], Duration::from_secs(900), true).await;
        let outcomes: Vec<_> = reports.iter().map(|report| report.outcome).collect();
        assert_eq!(outcomes, expected, "{names}: {reports:#?}");
        let projects = reports.iter().map(|report| report.target.as_ref().unwrap().project.to_string());
        assert_eq!(projects.collect::<Vec<_>>(), ["demo-project", "other-project"]);
    }
}

/// Four targets of one Shared VPC that are planned together get four ranges; a plan that was saved is done with them.
#[tokio::test(start_paused = true)]
async fn targets_planned_together_get_ranges_of_their_own() {
    let projects = ["team-a", "team-b", "team-c", "team-d"].map(|name| format!("{name}-project"));
    for mode in ["report", "create"] {
        let mut world = World::with_project("host-project", "111111111111").network("host-project", "shared");
        for (at, project) in projects.iter().enumerate() {
            world = world.project(project, &format!("22222222222{at}"));
        }
        let text = format!(
            "version: 1\nowner: team\nmode: {mode}\nscope: {{projects: [{}], hosts: [host-project], regions: [europe-west2]}}\n\
            network: {{name: projects/host-project/global/networks/shared}}\n\
            connector: {{subnet_pools: [10.8.0.0/24], declared: [{{region: europe-west2, name: conn}}]}}\n",
            projects.join(", ")
        );
        let policy = PolicyFile::new(&text);
        let session = in_world(world, &policy);
        let requests: Vec<_> = projects
            .iter()
            .map(|project| RunRequest::new(Target { project: ProjectId::parse(project).unwrap(), ..target() }))
            .collect();
        let ranges = |reports: &[crate::domain::report::Report]| -> Vec<String> {
            let steps = reports.iter().flat_map(|report| {
                let held = report.withheld.iter().map(|held| (&held.step, &held.after));
                report.steps.iter().map(|step| (&step.step, &step.after)).chain(held)
            });
            let subnets = steps.filter(|(id, _)| id.to_string().starts_with("subnet/"));
            subnets.map(|(_, after)| after.as_ref().unwrap()["ipCidrRange"].as_str().unwrap().to_owned()).collect()
        };
        let found = session.look(&requests).await;
        let reports: Vec<_> = found.into_iter().map(|found| found.report).collect();
        let expected = ["10.8.0.0/28", "10.8.0.16/28", "10.8.0.32/28", "10.8.0.48/28"];
        assert_eq!(ranges(&reports), expected, "{mode}");
        if mode == "create" {
            let done = until_done(&session, requests, Duration::from_secs(900), true).await;
            assert_eq!(ranges(&done), expected);
            assert_eq!(Exit::of_all(&done), Exit::Done, "{done:#?}");
        }
    }
}

/// A job that names a connector of another project, which is not there.
fn shared() -> World {
    let connector = "projects/other-project/locations/europe-west2/connectors/hub";
    let template =
        json!({"containers": [{"image": "app"}], "vpcAccess": {"connector": connector, "egress": "ALL_TRAFFIC"}});
    World::with_project("demo-project", "123456789012")
        .network("demo-project", "my-vpc")
        .project("other-project", "210987654321")
        .network("other-project", "my-vpc")
        .document(
            "run.jobs",
            "projects/demo-project/locations/europe-west2/jobs/nightly",
            json!({"template": {"template": template}}),
        )
}

fn in_world(world: World, policy: &PolicyFile) -> Session {
    in_cloud(world, policy, Options::starting_at(jiff::Timestamp::UNIX_EPOCH))
}

fn in_cloud(mut world: World, policy: &PolicyFile, options: Options) -> Session {
    world.regions.push("europe-west2".to_owned());
    let cloud = crate::sim::cloud::Cloud::new(world, options, None).unwrap();
    let settings = Settings { wide_interval: Duration::ZERO, ..support::settings(policy) };
    let app = support::program(settings, &cloud, cloud.transport(), support::ids());
    support::run(&cloud);
    Session { app, flags: String::new() }
}
