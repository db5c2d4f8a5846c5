//! Who may use whom, read off the `use` lines and paths of the source: arrows point down.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const ROOMS: [&str; 7] = ["domain", "google", "sim", "reconcile", "app", "web", "cli"];

/// Each room with the rooms it may use, beside itself.
const ALLOWED: [(&str, &[&str]); 7] = [
    ("domain", &[]),
    ("google", &[]),
    // Of `google`, the seam alone: see `the_simulated_cloud_shares_only_the_seam`.
    ("sim", &["google"]),
    ("reconcile", &["domain", "google"]),
    ("app", &["domain", "google", "sim", "reconcile"]),
    ("web", &["app", "reconcile", "domain"]),
    ("cli", &["app", "web", "reconcile", "domain"]),
];

/// Floors of the decisions, the ground first: a folder or file uses what lies on lower floors, and nothing beside it.
/// Data lies below what decides on it, and sentences below what says them.
const DOMAIN: [&[&str]; 11] = [
    &["codes", "denial", "fields", "names", "object_id", "permissions", "ports"],
    &["merge", "stamp", "target"],
    &["policy", "state"],
    &["address_space", "audit", "cause", "firewall", "ways"],
    &["ownership", "plan", "policy_diff"],
    &["report", "text"],
    &["reviewed", "summary"],
    &["demand", "doctor"],
    &["design"],
    &["planner"],
    &["explain"],
];

/// Floors of the flow, the ground first: a file uses what lies on lower floors, and nothing beside it. What the process
/// remembers and how it reads and writes lie below the engine, and its runs above.
const RECONCILE: [&[&str]; 11] = [
    &[
        "breaker",
        "clock",
        "cloudevent",
        "seen_events",
        "outcome",
        "races",
        "reads",
        "refusals",
        "reserved",
        "write_locks",
    ],
    &["lists", "operations", "projects", "publish", "routers"],
    &["apply", "outbox", "routes", "snapshot", "users"],
    &["observe", "queue"],
    &["completion", "look_again", "run_state", "wishes"],
    &["history"],
    &["cloud_sql", "refused"],
    &["engine"],
    &["runner"],
    &["run"],
    &["break_glass", "expand", "inspect"],
];

/// Floors of the simulated cloud, the ground first: a folder or file uses what lies on lower floors, and nothing beside it.
/// What is kept lies below the services; the services do not know who calls them.
const SIM: [&[&str]; 9] = [
    &["api", "options"],
    &["store", "faults"],
    &["http"],
    &["audit"],
    &["state"],
    &["services"],
    &["dispatch", "outbound", "world"],
    &["cloud"],
    &["control"],
];

/// Floors of its services. `services/mod.rs`, which lists the kinds of all, lies above them.
const SERVICES: [&[&str]; 5] = [
    &[
        "shared",
        "appengine",
        "artifactregistry",
        "functions",
        "sqladmin",
        "iam",
        "monitoring",
        "networkconnectivity",
        "scheduler",
    ],
    &["orgpolicy", "projects", "pubsub", "secretmanager"],
    &["vpcaccess"],
    &["compute", "run"],
    &["logging"],
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}

/// Source without comments and tests: tests may put rooms together.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let shipped = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    shipped.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Rooms that come after `crate::`, in a path or in a `use crate::{…}` group.
fn used(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            None => found.extend(first_word(rest)),
            Some(group) => {
                let (mut depth, mut start) = (0, true);
                for (at, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && c.is_alphabetic() => {
                            found.extend(first_word(&group[at..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    found.into_iter().filter(|word| ROOMS.contains(&word.as_str())).collect()
}

fn first_word(text: &str) -> Option<String> {
    let word: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!word.is_empty()).then_some(word)
}

fn files_of(room: &str) -> Vec<PathBuf> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = if src.join(room).is_dir() { sources(&src.join(room)) } else { Vec::new() };
    files.extend([src.join(format!("{room}.rs"))].into_iter().filter(|file| file.exists()));
    files.retain(|file| !file.components().any(|part| part.as_os_str() == "tests"));
    files
}

#[test]
fn arrows_point_down() {
    let mut wrong = Vec::new();
    for (room, allowed) in ALLOWED {
        let files = files_of(room);
        assert!(!files.is_empty(), "{room} has no files");
        for file in files {
            let upward =
                used(&code(&file)).into_iter().filter(|used| used != room && !allowed.contains(&used.as_str()));
            wrong.extend(upward.map(|used| format!("{} uses {used}", file.display())));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_simulated_cloud_shares_only_the_seam() {
    for file in files_of("sim") {
        let code = code(&file);
        for rest in code.split("crate::google").skip(1) {
            assert!(
                rest.starts_with("::transport"),
                "{}: crate::google{}",
                file.display(),
                &rest[..rest.len().min(30)]
            );
        }
    }
}

/// Every path that begins with `crate::` or `super::`, from the crate's root on. `module` is where the code stands.
fn paths(code: &str, module: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (start, base) in [("crate::", Vec::new()), ("super::", module[..module.len() - 1].to_vec())] {
        for (at, _) in code.match_indices(start) {
            // Of `super::super::` the first one counts, and resolves the others.
            let begins =
                !code[..at].ends_with("::") && !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            if begins {
                let mut rest = &code[at + start.len()..];
                let mut base = base.clone();
                while let Some(further) = rest.strip_prefix("super::") {
                    base.pop();
                    rest = further;
                }
                tree(rest, &base, &mut found);
            }
        }
    }
    found
}

/// Reads one use tree and returns what follows it.
fn tree<'a>(mut text: &'a str, base: &[String], found: &mut Vec<Vec<String>>) -> &'a str {
    let mut path = base.to_vec();
    loop {
        text = text.trim_start();
        if let Some(mut inner) = text.strip_prefix('{') {
            loop {
                inner = tree(inner, &path, found).trim_start_matches(|c: char| c != ',' && c != '}');
                match inner.strip_prefix(',') {
                    Some(next) => inner = next,
                    None => return inner.strip_prefix('}').unwrap_or(inner),
                }
            }
        }
        let Some(word) = first_word(text) else { return text };
        text = &text[word.len()..];
        path.push(word);
        match text.strip_prefix("::") {
            Some(rest) => text = rest,
            None => {
                found.push(path);
                return text;
            }
        }
    }
}

/// The module of a source file, from the crate's root on.
fn module_of(file: &Path) -> Vec<String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let inside = file.strip_prefix(src).unwrap().with_extension("");
    let mut module: Vec<String> = inside.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    module.retain(|part| part != "mod");
    module
}

/// What the children of a module use of each other without lying above it.
fn upward(parent: &[&str], floors: &[&[&str]]) -> Vec<String> {
    let floor_of = |child: &str| floors.iter().position(|floor| floor.contains(&child));
    let child_of =
        |path: &[String]| path.get(parent.len()).filter(|_| path.iter().zip(parent).all(|(a, b)| a == b)).cloned();
    let mut wrong = Vec::new();
    for file in files_of(parent[0]) {
        let module = module_of(&file);
        let Some(own) = child_of(&module) else { continue };
        let Some(floor) = floor_of(&own) else {
            wrong.push(format!("{own} lies on no floor"));
            continue;
        };
        for used in paths(&code(&file), &module).iter().filter_map(|path| child_of(path)).filter(|used| *used != own) {
            if floor_of(&used).is_none_or(|below| below >= floor) {
                wrong.push(format!("{} uses {used}", module.join("::")));
            }
        }
    }
    wrong
}

#[test]
fn decisions_have_floors() {
    assert_eq!(upward(&["domain"], &DOMAIN), Vec::<String>::new());
}

#[test]
fn the_flow_has_floors() {
    assert_eq!(upward(&["reconcile"], &RECONCILE), Vec::<String>::new());
}

#[test]
fn the_simulated_cloud_has_floors() {
    assert_eq!(upward(&["sim"], &SIM), Vec::<String>::new());
}

#[test]
fn simulated_services_have_floors() {
    assert_eq!(upward(&["sim", "services"], &SERVICES), Vec::<String>::new());
}

#[test]
fn paths_are_read() {
    let module = ["sim", "services", "run"].map(str::to_owned);
    let code =
        "use crate::sim::{api::{a, b::C}, store};\nuse super::{iam::policy, x};\nlet x = super::super::world::of();";
    let found: Vec<String> = paths(code, &module).iter().map(|path| path.join("::")).collect();
    let wanted = [
        "sim::api::a",
        "sim::api::b::C",
        "sim::store",
        "sim::services::iam::policy",
        "sim::services::x",
        "sim::world::of",
    ];
    assert_eq!(found, wanted);
}

#[test]
fn groups_are_read() {
    let found = used("use crate::{\n    domain::{a, b},\n    google::client::Client,\n};\nlet x = crate::web::y();");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["domain", "google", "web"]);
}

#[test]
fn files_stay_short() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in sources(&src) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 500, "{} has {lines} lines", file.display());
    }
}
