//! A failing scene in its smallest form: whatever can be left out, while it still breaks the same rule, is.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use crate::{
    judge::Failure,
    play::play,
    scene::{Scene, Trouble},
};

/// Scenes that are tried on the way, and for how long.
const MAX_TRIES: usize = 120;
const MAX_TIME: Duration = Duration::from_secs(40);

pub fn smallest(scene: &Scene, rule: &str) -> String {
    let (mut tries, began) = (0, Instant::now());
    let mut smallest = scene.clone();
    let mut failure = None;
    let mut still = |candidate: &Scene, failure: &mut Option<Failure>| {
        tries += 1;
        if tries > MAX_TRIES || began.elapsed() > MAX_TIME {
            return false;
        }
        let found = play(candidate).into_iter().find(|found| found.rule == rule);
        let fails = found.is_some();
        if fails {
            *failure = found;
        }
        fails
    };
    still(&smallest, &mut failure);
    // Halves of the deeds first, then each of them.
    let mut length = smallest.deeds.len().div_ceil(2);
    while length > 0 {
        let mut at = 0;
        while at < smallest.deeds.len() {
            let mut candidate = smallest.clone();
            let end = (at + length).min(candidate.deeds.len());
            // What comes after keeps its time.
            let skipped = candidate.deeds.drain(at..end).map(|(pause, _)| pause).sum::<Duration>();
            if let Some((pause, _)) = candidate.deeds.get_mut(at) {
                *pause += skipped;
            }
            if still(&candidate, &mut failure) {
                smallest = candidate;
            } else {
                at += length;
            }
        }
        length = if length == 1 { 0 } else { length.div_ceil(2) };
    }
    let calm = Scene { trouble: Trouble { instances: 1, ..Trouble::default() }, ..smallest.clone() };
    if still(&calm, &mut failure) {
        smallest = calm;
    }
    for at in (0..smallest.start.len()).rev() {
        let mut candidate = smallest.clone();
        candidate.start.remove(at);
        if still(&candidate, &mut failure) {
            smallest = candidate;
        }
    }
    written(&smallest, rule, failure.as_ref())
}

fn written(scene: &Scene, rule: &str, failure: Option<&Failure>) -> String {
    let mut text = format!("seed {}, in its smallest form: {rule}\n", scene.seed);
    let _ = writeln!(text, "  policy {}", scene.policy);
    let _ = writeln!(text, "  projects {:?}, network of {}, {:?}", scene.projects, scene.host, scene.trouble);
    for start in &scene.start {
        let _ = writeln!(text, "  at the start {}: {}", start.path, start.document);
    }
    for (pause, deed) in &scene.deeds {
        let _ = writeln!(text, "  after {pause:?}: {deed:?}");
    }
    let _ = write!(text, "  {}", failure.map_or("it does not fail a second time", |failure| &failure.text));
    text
}
