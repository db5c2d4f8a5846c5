//! How fast the door is: the binary that the image ships, driven over loopback, beside a bare axum handler in the same
//! run. Without `PROGRAM` it is the same source by the same profile, but linked with this machine's C library.
//!
//! ```sh
//! .ci/image target/image
//! PROGRAM=target/image/usr/local/bin/egress-reconciler cargo bench --bench door
//! ```
//!
//! Prints one JSON line for each figure, then a table. A figure that misses its target fails nothing, since timings
//! depend on the machine; an answer other than the contract's, or a delivery without any, does. What counts is CPU time
//! of the server alone, on one runtime thread, the best of some rounds: other work on the machine disturbs it little.

mod bare;
mod entries;
#[path = "../support/figures.rs"]
mod figures;
mod load;
#[path = "../support/memory.rs"]
mod memory;
mod server;
mod token;

use std::{error::Error, io, process::ExitCode, time::Duration};

use tokio::time::sleep;

use self::{
    figures::{Figure, Target},
    load::{Crowd, drive},
    server::{Google, Server},
};

/// Keep-alive connections, as many as Pub/Sub holds to a small service.
const CONNECTIONS: usize = 64;
const EVENTS: usize = 40_000;
/// Enough that some fall into a quiet moment of a shared machine.
const ROUNDS: usize = 15;
const STARTS: usize = 20;
/// Deliveries that wait for one run at the same time.
const CROWD: usize = 1_000;
const CROWD_ROUNDS: usize = 5;
/// How long the simulated Google takes over every answer while a crowd waits.
const LATENCY: Duration = Duration::from_secs(2);
/// After it, a server that is asked nothing has nothing left to do.
const QUIET: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let done = match std::env::args().skip_while(|arg| arg != bare::LISTEN).nth(1) {
        Some(address) => bare::serve(&address).map_err(Into::into),
        None => measure(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let figures = runtime.block_on(async {
        let google = Google::begin(LATENCY).await?;
        let mut figures = vec![start(&google)?];
        figures.extend(irrelevant(&google).await?);
        figures.extend(joining(&google).await?);
        Ok::<_, Box<dyn Error>>(figures)
    })?;
    figures::print(&figures, "bare");
    Ok(())
}

/// From the start of the process to its first 200.
fn start(google: &Google) -> io::Result<Figure> {
    let best = |begin: &dyn Fn() -> io::Result<Server>| {
        let times = (0..STARTS).map(|_| begin().map(|server| server.started_in.as_secs_f64() * 1e3));
        times.collect::<io::Result<Vec<f64>>>().map(least)
    };
    Ok(Figure {
        name: "start",
        unit: "ms to the first 200",
        value: best(&|| Server::begin(google))?,
        beside: Some(best(&Server::bare)?),
        target: Some(Target::AtMost(5.0)),
    })
}

/// An entry that is none of our business; and what the server takes up before anybody knocks.
async fn irrelevant(google: &Google) -> Result<Vec<Figure>, Box<dyn Error>> {
    let (ours, bare) = (Server::begin(google)?, Server::bare()?);
    sleep(QUIET).await;
    let idle = Figure {
        name: "idle",
        unit: "MiB resident",
        value: ours.resident()?,
        beside: Some(bare.resident()?),
        target: Some(Target::AtMost(14.0)),
    };
    let (value, floor) = costs(&ours, &bare, &entries::push(&entries::irrelevant(), None)).await?;
    let each = Figure {
        name: "irrelevant",
        unit: "µs of CPU an entry",
        value,
        beside: Some(floor),
        target: Some(Target::Above(8.0)),
    };
    let second = Figure {
        name: "irrelevant-rate",
        unit: "entries a second of CPU",
        value: 1e6 / value,
        beside: Some(1e6 / floor),
        target: Some(Target::AtLeast(60_000.0)),
    };
    drop(ours);
    let bearer = google.signer.bearer()?;
    let guarded = Server::guarded(google)?;
    let (value, floor) = costs(&guarded, &bare, &entries::push(&entries::irrelevant(), Some(&bearer))).await?;
    let signed = Figure { name: "irrelevant-self", value, beside: Some(floor), target: None, ..each };
    Ok(vec![idle, each, second, signed])
}

/// What one event costs both, by turns: the best of some rounds.
async fn costs(ours: &Server, bare: &Server, request: &[u8]) -> Result<(f64, f64), Box<dyn Error>> {
    let (mut us, mut them) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        them.push(cost(bare, request).await?);
        us.push(cost(ours, request).await?);
    }
    Ok((least(us), least(them)))
}

/// Microseconds of CPU that the server spends on one event.
async fn cost(server: &Server, request: &[u8]) -> Result<f64, Box<dyn Error>> {
    let before = server.cpu()?;
    drive(server.address, request, CONNECTIONS, EVENTS).await?;
    Ok((server.cpu()? - before).as_secs_f64() * 1e6 / EVENTS as f64)
}

/// Entries that all wait for one run, its share of the run included; and what the server takes up while they do.
async fn joining(google: &Google) -> Result<Vec<Figure>, Box<dyn Error>> {
    let (ours, bare) = (Server::begin(google)?, Server::bare()?);
    let (acted, ignored) = (entries::push(&entries::deploy(), None), entries::push(&entries::irrelevant(), None));
    let mut crowds = (Crowd::gather(ours.address, CROWD).await?, Crowd::gather(bare.address, CROWD).await?);
    // Every connection and every buffer stands before anything is measured.
    crowds.0.ask(&ignored, async || Ok(())).await?;
    crowds.1.ask(&ignored, async || Ok(())).await?;
    let (mut us, mut them, mut resident) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..CROWD_ROUNDS {
        let before = (ours.cpu()?, bare.cpu()?);
        crowds.1.ask(&acted, async || Ok(())).await?;
        crowds
            .0
            .ask(&acted, async || {
                sleep(LATENCY / 2).await;
                resident.push(ours.resident()?);
                Ok(())
            })
            .await?;
        us.push((ours.cpu()? - before.0).as_secs_f64() * 1e6 / CROWD as f64);
        them.push((bare.cpu()? - before.1).as_secs_f64() * 1e6 / CROWD as f64);
    }
    let each = Figure {
        name: "joining",
        unit: "µs of CPU an entry",
        value: least(us),
        beside: Some(least(them)),
        target: None,
    };
    let crowded = Figure {
        name: "crowded",
        unit: "MiB resident, 1,000 waiting",
        value: resident.into_iter().fold(0.0, f64::max),
        beside: Some(bare.resident()?),
        target: Some(Target::AtMost(32.0)),
    };
    Ok(vec![each, crowded])
}

fn least(values: Vec<f64>) -> f64 {
    values.into_iter().fold(f64::INFINITY, f64::min)
}
