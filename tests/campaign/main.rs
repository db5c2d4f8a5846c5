//! A campaign of faults: worlds, policies, people, faults, kills, instances and deliveries by chance, judged by what
//! happened to packets and documents. A seed decides everything.
//!
//! `cargo test --test campaign` plays some hundred scenes. `CAMPAIGN_SEEDS=1000..2000` plays those, and says how far it is;
//! one seed alone (`CAMPAIGN_SEEDS=17..18`) is shown with its deeds and, if it fails, in its smallest form.

mod chance;
mod cloud;
mod deeds;
mod faults;
mod history;
mod judge;
mod people;
mod play;
mod scene;
mod shrink;
mod stories;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/walker.rs"]
mod walker;
mod wire;

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use crate::{judge::Failure, play::play, scene::Scene, shrink::smallest};

const SEEDS: Range<u64> = 0..300;
/// Failing seeds that are shown in their smallest form.
const MAX_SHOWN: usize = 2;

fn asked() -> Option<Range<u64>> {
    let text = std::env::var("CAMPAIGN_SEEDS").ok()?;
    let (from, to) = text.split_once("..").expect("CAMPAIGN_SEEDS is FROM..TO");
    Some(from.parse().unwrap()..to.parse().unwrap())
}

/// Plays all seeds on all processors, and gives those that fail.
fn campaign(seeds: Range<u64>, progress: bool) -> BTreeMap<u64, Vec<Failure>> {
    let (next, failed, began) = (AtomicU64::new(seeds.start), Mutex::new(BTreeMap::new()), Instant::now());
    let one = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let started = Instant::now();
            let failures = play(&Scene::of(seed));
            if progress && started.elapsed().as_secs() > 9 {
                println!("seed {seed} takes {} s", started.elapsed().as_secs());
            }
            let mut failed = failed.lock().unwrap();
            if let Some(first) = failures.first().filter(|_| progress) {
                println!("seed {seed} [{}] {}", first.rule, first.text);
            }
            if !failures.is_empty() {
                failed.insert(seed, failures);
            }
            if progress && (seed + 1).is_multiple_of(100) {
                let seconds = began.elapsed().as_secs();
                println!("-- {} of {seeds:?}: {} failed, {seconds} s", seed + 1, failed.len());
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(one))));
    failed.into_inner().unwrap()
}

#[test]
fn whatever_befalls_the_promises_hold() {
    play::count_panics();
    let (seeds, progress) = asked().map_or((SEEDS, false), |seeds| (seeds, true));
    let failed = campaign(seeds.clone(), progress);
    let mut rules: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (seed, failures) in &failed {
        for failure in failures {
            let seeds = rules.entry(failure.rule).or_default();
            if seeds.last() != Some(seed) {
                seeds.push(*seed);
            }
        }
    }
    for (rule, seeds) in &rules {
        println!("== {rule}: {} seeds {:?}", seeds.len(), &seeds[..seeds.len().min(20)]);
    }
    // Many seeds are for figures; a seed alone tells the rest.
    let shown = if progress && seeds.end - seeds.start > 10 { 0 } else { MAX_SHOWN };
    for (seed, failures) in failed.iter().take(shown) {
        println!("{}", smallest(&Scene::of(*seed), failures[0].rule));
    }
    assert!(
        failed.is_empty(),
        "{} of {} seeds fail: {:?}",
        failed.len(),
        seeds.end - seeds.start,
        failed.keys().take(50).collect::<Vec<_>>()
    );
}
