//! A way out for a Cloud Run job, from an empty project: by a script of gcloud commands, and by `apply`.

use std::{
    error::Error,
    fs, io,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use crate::{
    cloud::{POLICY, Simulated, apply, done, file},
    figures::{Figure, Target},
};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/script.sh");

/// The command of the script that deploys the job, which `apply` leaves to others: neither side does it here.
const DEPLOYS: &str = "gcloud run jobs deploy";

/// Enough that one falls into a quiet moment of a shared machine.
const ROUNDS: usize = 3;

pub fn measure() -> Result<Vec<Figure>, Box<dyn Error>> {
    let whole = fs::read_to_string(SCRIPT)?;
    let (script, _) = whole.split_once(DEPLOYS).ok_or("the script deploys no job")?;
    let (script, policy) = (file(script)?, file(POLICY)?);
    let config = tempfile::tempdir()?;
    let cases = [
        ("apply", "s, connectors at once, read 5 s late", 0, 5, 1.9),
        ("apply-1", "s, connectors in 1 s, read 5 s late", 1, 5, 1.7),
        ("apply-no-lag", "s, connectors at once", 0, 0, 3.0),
    ];
    let mut figures = Vec::new();
    for (name, unit, connector, lag, times) in cases {
        let (mut us, mut them) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            them.push(timed(&mut gcloud(script.path(), config.path()), connector, lag)?);
            us.push(timed(&mut apply(&policy), connector, lag)?);
        }
        let least = |times: Vec<f64>| times.into_iter().fold(f64::INFINITY, f64::min);
        let (value, beside) = (least(us), Some(least(them)));
        figures.push(Figure { name, unit, value, beside, target: Some(Target::Times(times)) });
    }
    Ok(figures)
}

/// Seconds that a command takes over an empty project.
fn timed(command: &mut Command, connector: u32, lag: u32) -> io::Result<f64> {
    let google = Simulated::begin(connector, lag)?;
    google.point(command);
    let begun = Instant::now();
    done(command)?;
    Ok(begun.elapsed().as_secs_f64())
}

/// The script, with a gcloud that has a configuration of its own.
fn gcloud(script: &Path, config: &Path) -> Command {
    let mut command = Command::new("bash");
    command
        .arg(script)
        .env("CLOUDSDK_CONFIG", config)
        .env("CLOUDSDK_CORE_DISABLE_PROMPTS", "1")
        .env("CLOUDSDK_CORE_DISABLE_USAGE_REPORTING", "true")
        .env("CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK", "true")
        .stdin(Stdio::null());
    command
}
