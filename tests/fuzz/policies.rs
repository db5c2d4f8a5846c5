//! Policy files: what is read is whole, and what is not is told where.

use std::{fs, path::Path, sync::LazyLock};

use egress_reconciler::domain::policy::{example, read};
use proptest::{collection::vec, prelude::*, sample::Index};

use super::mutation::{cut, cuts};

static POLICIES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/policies");
    let files = fs::read_dir(folder).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    files.chain([example().to_owned()]).collect()
});

fn check(text: &str) {
    match read(text) {
        Ok(policy) => {
            assert!(!policy.owner.is_empty() && !policy.scope.projects.is_empty(), "{text}");
            assert_eq!(read(text).map(|again| again.hash).ok(), Some(policy.hash), "{text}");
        }
        Err(error) => {
            assert!(!error.0.is_empty(), "{text}");
            let lines = text.split('\n').count() as u64;
            for fault in error.0 {
                let has_key = !fault.key.is_empty();
                let is_whole =
                    fault.text.starts_with("cannot be read as YAML") || fault.text.starts_with("the policy must be");
                assert!(has_key || is_whole, "{fault}\n{text}");
                assert!(fault.place.line <= lines.max(1) + 1 && !fault.to_string().contains('\n'), "{fault}\n{text}");
            }
        }
    }
}

proptest! {
    #[test]
    fn any_text(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn damaged_policies(policy in any::<Index>(), cuts in cuts()) {
        check(&String::from_utf8_lossy(&cut(policy.get(&POLICIES).clone().into_bytes(), &cuts)));
    }

    #[test]
    fn lines_in_disorder(policy in any::<Index>(), moves in vec((any::<Index>(), any::<Index>(), any::<bool>()), 1..5)) {
        let mut lines: Vec<&str> = policy.get(&POLICIES).lines().collect();
        for (from, to, twice) in moves {
            let line = lines[from.index(lines.len())];
            if !twice {
                lines.remove(from.index(lines.len()));
            }
            lines.insert(to.index(lines.len() + 1), line);
        }
        check(&lines.join("\n"));
    }
}

#[test]
fn the_corpus_itself_is_right() {
    for policy in POLICIES.iter() {
        read(policy).unwrap_or_else(|error| panic!("{error}\n{policy}"));
    }
}

#[test]
fn what_would_swell_is_refused() {
    let aliases = (0..30).map(|i| format!("a{}: &a{} [{}]\n", i + 1, i + 1, vec![format!("*a{i}"); 10].join(",")));
    let bomb = format!("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n{}", aliases.collect::<String>());
    let deep = "[".repeat(1_000_000);
    for text in [bomb, format!("version: {deep}"), format!("{{a: {}", "{a: ".repeat(100_000)), "- ".repeat(100_000)] {
        assert!(read(&text).is_err());
    }
}
