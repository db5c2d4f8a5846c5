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
