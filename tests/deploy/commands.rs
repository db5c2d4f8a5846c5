//! Every gcloud command that the program shows to a person is whole: it says in which project it acts.

use std::{fs, path::PathBuf};

use regex::Regex;

use super::root;

/// Commands that take no project, and why.
const WITHOUT: &[(&str, &str)] = &[
    ("gcloud projects ", "the project is its argument"),
    ("gcloud compute firewall-policies ", "hierarchical policies belong to an organization or a folder"),
];

/// Texts that a person reads, as tests keep them.
fn kept() -> Vec<PathBuf> {
    let mut folders = vec![root().join("tests"), root().join("src")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "snap" || ending == "case") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn printed_commands_name_their_project() {
    // A line that was broken goes on behind spaces; in a report a command stands in backticks, in `doctor` behind an arrow.
    let broken = Regex::new(r"\n\s+").unwrap();
    let command = Regex::new(r"(?:`|-> )(gcloud [^`\n]*)").unwrap();
    let (mut seen, mut wrong, mut used) = (0, Vec::new(), vec![false; WITHOUT.len()]);
    for path in kept().iter().filter(|path| !path.ends_with("deploy__gcloud__install.snap")) {
        let text = fs::read_to_string(path).unwrap();
        for found in command.captures_iter(&broken.replace_all(&text, " ")) {
            seen += 1;
            let exception = WITHOUT.iter().position(|(start, _)| found[1].starts_with(start));
            match exception {
                Some(at) => used[at] = true,
                None if !found[1].contains("--project") => wrong.push(format!("{}: {}", path.display(), &found[1])),
                None => {}
            }
        }
    }
    assert!(wrong.is_empty() && seen > 100, "{seen} seen\n{}", wrong.join("\n"));
    assert!(used.iter().all(|used| *used), "an exception is not needed any more: {used:?}");
}
