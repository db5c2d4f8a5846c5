//! Words that are held out of what people read: a native engineer stumbles over them.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// As they would be found in a sentence, in lower case.
const BANNED: [&str; 24] = [
    "a run died",
    "an event leads nowhere",
    "as soon as our rules stand",
    "broke off",
    "does not bear our stamp",
    "does not stand",
    "failed for now",
    "finds no place",
    "instances at most",
    "is of the future",
    "its api is off",
    "lets it reach",
    "lets the connector reach",
    "looked after",
    "made anew",
    "nobody can mean",
    "opt-out say",
    "stands already",
    "takes it out of force",
    "that nothing does leaves",
    "trade places",
    "was read back in force",
    "what one of them lets out",
    "without which it is dead",
];

/// Words that README and `deploy` do without.
const AVOIDED: &str =
    r"(?i)\b(stands?|standing|mends?|somebody|nobody|bears?|lets? out|for want of|anew|made again|at once)\b";

fn files(at: &Path, found: &mut Vec<PathBuf>) {
    if at.is_file() {
        found.push(at.to_owned());
        return;
    }
    for entry in fs::read_dir(at).unwrap() {
        files(&entry.unwrap().path(), found);
    }
}

#[test]
fn what_people_read_is_in_the_field_s_words() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut read = Vec::new();
    // Help is written in `cli`, sentences in `text`, and whole texts are in snapshots.
    for place in ["README.md", "CHANGELOG.md", "deploy", "src/cli", "src/domain/text", "src/domain/doctor", "tests"] {
        files(&root.join(place), &mut read);
    }
    let is_text = |path: &PathBuf| {
        let name = path.to_str().unwrap_or_default();
        let is_test = name.contains("/tests/") && name.ends_with(".rs");
        !is_test && !name.contains("/tests/replay/")
    };
    read.retain(is_text);
    assert!(read.len() > 300, "{}", read.len());
    let mut wrong = Vec::new();
    for path in read {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        // Titles of cases are for developers.
        let is_case = path.extension().is_some_and(|ending| ending == "case");
        for (number, line) in text.lines().enumerate().skip(usize::from(is_case)) {
            let line = line.to_lowercase();
            for word in BANNED.iter().filter(|word| line.contains(*word)) {
                let name = path.strip_prefix(root).unwrap().display();
                wrong.push(format!("{name}:{}: {word}", number + 1));
            }
        }
    }
    let mut prose = vec![root.join("README.md")];
    files(&root.join("deploy"), &mut prose);
    let avoided = regex::Regex::new(AVOIDED).unwrap();
    for path in prose {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let found = avoided.find_iter(&text).map(|word| word.as_str());
        let name = path.strip_prefix(root).unwrap().display();
        wrong.extend(found.map(|word| format!("{name}: {word}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
