//! How much a sweep asks of Google, and how long it takes: this build beside that of 2026-11-24, over one simulated cloud.
//!
//! ```sh
//! cargo bench --bench sweep
//! ```
//!
//! Builds the earlier commit from the repository's history first, which takes minutes; `BEFORE` names a built one, as
//! `PROGRAM` names another build of this source. Prints one JSON line for each figure, then a table. A figure that misses
//! its target fails nothing; a target that is not in sync does.

#[path = "../support/figures.rs"]
mod figures;
#[path = "../support/memory.rs"]
mod memory;
mod server;
mod world;

use std::{
    env,
    error::Error,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    extract::Request,
    middleware::{Next, from_fn},
};
use egress_reconciler::sim::cloud::{Cloud, Options};
use tokio::task::JoinHandle;

use self::{
    figures::{Figure, Target},
    server::Server,
    world::Size,
};

/// What every answer of the simulated Google takes.
const LATENCY: Duration = Duration::from_millis(50);
/// The build that is compared with.
const BEFORE: &str = "6c8dc02";
const SMALL: Size = Size { projects: 100, regions: 40, in_use: 2, jobs: 50 };
const LARGE: Size = Size { projects: 1_000, ..SMALL };

type Failure = Box<dyn Error>;

/// What one sweep cost.
struct Cost {
    calls: f64,
    seconds: f64,
    /// MiB resident at most since the server began.
    peak: f64,
}

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure())
}

async fn measure() -> Result<(), Failure> {
    let ours = env::var_os("PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_egress-reconciler").into(), PathBuf::from);
    let earlier = env::var_os("BEFORE").map_or_else(built_before, |path| Ok(path.into()))?;
    let (before, _) = two_sweeps(&earlier, SMALL).await?;
    let (full, ordinary) = two_sweeps(&ours, SMALL).await?;
    let most = (12 * SMALL.projects + 6 * SMALL.projects * SMALL.in_use) as f64;
    let figure = |name, unit, value, beside, target| Figure { name, unit, value, beside, target };
    let figures = [
        figure("calls", "calls of a sweep", ordinary.calls, Some(before.calls), Some(Target::AtMost(most))),
        figure("calls-fewer", "calls of a sweep", ordinary.calls, Some(before.calls), Some(Target::Times(15.0))),
        figure("time", "seconds of a sweep", ordinary.seconds, Some(before.seconds), Some(Target::Times(10.0))),
        figure("full-calls", "calls of a sweep that asks every region", full.calls, Some(before.calls), None),
        figure("full-time", "seconds of such a sweep", full.seconds, Some(before.seconds), None),
        figure("memory", "MiB at most, 100 projects", ordinary.peak, Some(before.peak), Some(Target::AtMost(64.0))),
    ];
    figures::print(&figures, "2026-11-24");
    let by_command = {
        let google = Google::begin(SMALL).await?;
        let (program, address) = (ours.clone(), google.address);
        let took = tokio::task::spawn_blocking(move || server::by_command(&program, address, &world::policy(SMALL)));
        took.await??.as_secs_f64()
    };
    let most = Some(Target::Above(0.1 * full.seconds));
    figures::print(&[figure("command", "seconds of `sweep`", by_command, Some(full.seconds), most)], "POST /sweep");
    let (_, large) = two_sweeps(&ours, LARGE).await?;
    let figures = [
        figure("memory-1000", "MiB at most, 1,000 projects", large.peak, None, Some(Target::AtMost(64.0))),
        figure(
            "memory-ratio",
            "times that of 100 projects",
            large.peak / ordinary.peak,
            None,
            Some(Target::AtMost(1.3)),
        ),
    ];
    figures::print(&figures, "2026-11-24");
    Ok(())
}

/// A simulated Google in this process, until this is dropped.
struct Google {
    address: SocketAddr,
    calls: Arc<AtomicUsize>,
    serving: JoinHandle<io::Result<()>>,
}

impl Google {
    async fn begin(size: Size) -> Result<Self, Failure> {
        let options = Options { latency: LATENCY, ..Options::starting_at(jiff::Timestamp::now()) };
        let cloud = Cloud::new(world::of(size), options, None)?;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        // The simulated Google's own log keeps the last calls alone.
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        let router = cloud.router().layer(from_fn(move |request: Request, next: Next| {
            counted.fetch_add(1, Ordering::Relaxed);
            next.run(request)
        }));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, calls, serving })
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

impl Drop for Google {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The first sweep of a process, which asks every region for everything, and an ordinary one.
async fn two_sweeps(program: &Path, size: Size) -> Result<(Cost, Cost), Failure> {
    let google = Google::begin(size).await?;
    let server = Server::begin(program, google.address, &world::policy(size))?;
    let mut costs = Vec::new();
    for _ in 0..2 {
        let before = google.calls();
        let (reports, took) = server.sweep().await?;
        if reports != size.projects * size.regions {
            return Err(format!("{reports} reports of {}", size.projects * size.regions).into());
        }
        let calls = (google.calls() - before) as f64;
        costs.push(Cost { calls, seconds: took.as_secs_f64(), peak: server.peak()? });
    }
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
