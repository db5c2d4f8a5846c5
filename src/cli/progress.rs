//! What a person sees while the work goes on: on a terminal a line that moves, else plain lines. All of it on stderr.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::{
    sync::broadcast::{Receiver, Sender, error::RecvError},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{print, table::plain};
use crate::{
    domain::{
        report::{Report, StepOutcome, StepReport},
        target::Target,
    },
    reconcile,
};

const TICK: Duration = Duration::from_millis(120);

pub struct Progress {
    /// Hidden where there is no terminal.
    bar: ProgressBar,
    is_quiet: bool,
    ended: CancellationToken,
    watcher: JoinHandle<()>,
}

impl Progress {
    /// `is_quiet`: nothing is shown.
    pub fn start(events: &Sender<reconcile::Progress>, is_quiet: bool) -> Self {
        let bar = match io::stderr().is_terminal() && !is_quiet {
            true => ProgressBar::new_spinner(),
            false => ProgressBar::hidden(),
        };
        // The template is a constant, and a bar with its own style is as good.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_message("looking");
        bar.enable_steady_tick(TICK);
        let ended = CancellationToken::new();
        let watcher = tokio::spawn(watch(events.subscribe(), bar.clone(), is_quiet, ended.clone()));
        Self { bar, is_quiet, ended, watcher }
    }

    /// Says what is waited for, once for each change of it.
    pub fn wait(&self, reports: &[&Report]) {
        let message = waiting(reports);
        if self.bar.message() != message {
            if self.bar.is_hidden() && !self.is_quiet {
                print::error(&message);
            }
            self.bar.set_message(message);
        }
    }

    /// Shows what is still to be shown, and clears the line.
    pub async fn end(self) {
        self.ended.cancel();
        // A watcher that died has nothing more to show.
        let _ = self.watcher.await;
        self.bar.finish_and_clear();
    }
}

async fn watch(mut events: Receiver<reconcile::Progress>, bar: ProgressBar, is_quiet: bool, ended: CancellationToken) {
    loop {
        let event = tokio::select! {
            biased;
            event = events.recv() => event,
            () = ended.cancelled() => return,
        };
        match event {
            Ok(reconcile::Progress::Step { target, step }) if !is_quiet => {
                let line = line(&target, &step);
                if bar.is_hidden() { print::error(&line) } else { bar.println(line) }
            }
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// `waiting for connector/conn (demo-project europe-west2)`.
pub fn waiting(reports: &[&Report]) -> String {
    let objects = reports.iter().flat_map(|report| {
        let place = report.target.as_ref().map_or_else(String::new, place);
        report.waiting_on.iter().map(move |note| plain(&format!("{}{place}", note.object)))
    });
    let mut objects: Vec<_> = objects.collect();
    objects.sort();
    format!("waiting for {}", objects.join(", "))
}

/// `done create firewall/… (demo-project europe-west2)`.
pub fn line(target: &Target, step: &StepReport) -> String {
    let (state, why) = match &step.outcome {
        StepOutcome::Done => ("done", None),
        StepOutcome::Failed { error, .. } => ("failed", Some(error)),
        StepOutcome::Skipped { why } => ("skipped", Some(why)),
    };
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    plain(&format!("{state} {} {}{}{why}", step.verb.word_for(&step.diff), step.step, place(target)))
}

/// Behind an object's name: targets of two projects may be worked on at the same time.
fn place(target: &Target) -> String {
    format!(" ({} {})", target.project, target.region)
}
