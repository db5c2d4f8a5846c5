//! How much a sweep asks of Google, and how long it takes: this build beside that of 2026-11-24, over one simulated cloud.
//!
//! ```sh
//! cargo bench --bench sweep
//! ```
//!
//! Builds the earlier commit from the repository's history first, which takes minutes; `BEFORE=PROGRAM` names a built one.
//! Prints one JSON line for each figure. A figure that misses its target fails nothing; a sweep with a failed target does.

mod server;
mod world;

use std::{error::Error, io, path::PathBuf, process::Command, time::Duration};

use egress_reconciler::sim::cloud::{Cloud, Options};
use serde_json::{Value, json};

use self::{server::Server, world::Size};

/// What every answer of the simulated Google takes.
const LATENCY: Duration = Duration::from_millis(50);
/// The build that is compared with.
const BEFORE: &str = "6c8dc02";
const SMALL: Size = Size { projects: 100, regions: 40, in_use: 2, jobs: 50 };
const LARGE: Size = Size { projects: 1_000, ..SMALL };

type Failure = Box<dyn Error>;

/// What one sweep cost.
struct Cost {
    calls: usize,
    seconds: f64,
    /// MiB resident at most since the server began.
    peak: f64,
}

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure())
}

async fn measure() -> Result<(), Failure> {
    let ours = PathBuf::from(env!("CARGO_BIN_EXE_egress-reconciler"));
    let earlier = match std::env::var_os("BEFORE") {
        Some(path) => path.into(),
        None => built_before()?,
    };
    let (before, _) = two_sweeps(&earlier, SMALL).await?;
    let (full, ordinary) = two_sweeps(&ours, SMALL).await?;
    let most = 12 * SMALL.projects + 6 * SMALL.projects * SMALL.in_use;
    let fewer = before.calls as f64 / ordinary.calls as f64;
    tell(
        "calls",
        "calls of a sweep",
        ordinary.calls as f64,
        Some(before.calls as f64),
        most as f64,
        ordinary.calls <= most,
    );
    tell("calls-ratio", "times fewer", fewer, None, 15.0, fewer >= 15.0);
    let faster = before.seconds / ordinary.seconds;
    tell("time", "seconds", ordinary.seconds, Some(before.seconds), before.seconds / 10.0, faster >= 10.0);
    tell(
        "full-calls",
        "calls of a sweep that asks every region",
        full.calls as f64,
        Some(before.calls as f64),
        f64::NAN,
        true,
    );
    tell("full-time", "seconds", full.seconds, Some(before.seconds), f64::NAN, true);
    let (_, large) = two_sweeps(&ours, LARGE).await?;
    let ratio = large.peak / ordinary.peak;
    tell("memory", "MiB resident, 1,000 projects", large.peak, Some(ordinary.peak), 64.0, large.peak <= 64.0);
    tell("memory-ratio", "times that of 100 projects", ratio, None, 1.3, ratio <= 1.3);
    Ok(())
}

/// The first sweep of a process, which asks every region for everything, and an ordinary one.
async fn two_sweeps(program: &std::path::Path, size: Size) -> Result<(Cost, Cost), Failure> {
    let options = Options { latency: LATENCY, ..Options::starting_at(jiff::Timestamp::now()) };
    let cloud = Cloud::new(world::of(size), options, None)?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let google = listener.local_addr()?;
    let router = cloud.router();
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let server = Server::begin(program, google, &world::policy(size))?;
    let mut costs = Vec::new();
    for _ in 0..2 {
        let before = cloud.calls().len();
        let (reports, took) = server.sweep().await?;
        if reports != size.projects * size.regions {
            return Err(format!("{reports} reports of {}", size.projects * size.regions).into());
        }
        costs.push(Cost { calls: cloud.calls().len() - before, seconds: took.as_secs_f64(), peak: server.peak()? });
    }
    drop(server);
    serving.abort();
    let ordinary = costs.pop().ok_or("no sweep")?;
    Ok((costs.pop().ok_or("no sweep")?, ordinary))
}

/// Builds the earlier commit in a folder of its own, with the profile that is quick to build: what is compared waits for Google
/// nearly all of the time.
fn built_before() -> Result<PathBuf, Failure> {
    let root = env!("CARGO_MANIFEST_DIR");
    let folder = tempfile::tempdir()?;
    let tree = folder.path().join("tree");
    run(Command::new("git").args(["-C", root, "worktree", "add", "--detach", "--force"]).arg(&tree).arg(BEFORE))?;
    let target = PathBuf::from(root).join("target/before");
    let built = run(Command::new("cargo")
        .args(["build", "--release", "--locked"])
        .current_dir(&tree)
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"));
    run(Command::new("git").args(["-C", root, "worktree", "remove", "--force"]).arg(&tree))?;
    built?;
    Ok(target.join("release/egress-reconciler"))
}

fn run(command: &mut Command) -> io::Result<()> {
    match command.status()?.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!("{command:?} failed"))),
    }
}

/// One line: numbers to two digits, null where there is nothing to tell.
fn tell(name: &str, unit: &str, value: f64, before: Option<f64>, target: f64, met: bool) {
    let round = |value: f64| (value * 100.0).round() / 100.0;
    let has_target = !target.is_nan();
    let line: Value = json!({
        "figure": name, "unit": unit, "value": round(value), "before": before.map(round),
        "target": has_target.then(|| round(target)), "met": has_target.then_some(met),
    });
    println!("{line}");
}
