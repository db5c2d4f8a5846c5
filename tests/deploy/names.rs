//! Names that gcloud.sh and the Terraform module must agree on, and tables that tell of them.

use std::collections::BTreeSet;

use super::{all, read, terraform};

/// A bash array, without its brackets.
fn array(name: &str, script: &str) -> BTreeSet<String> {
    let line = all(&format!(r"(?m)^{name}=\((.*)\)$"), script);
    line.iter().flat_map(|line| line.split_whitespace()).map(str::to_owned).collect()
}

#[test]
fn both_ways_make_the_same() {
    let (script, hcl) = (read("gcloud.sh"), terraform());
    for apis in ["home_apis", "place_apis"] {
        let block = all(&format!(r"(?s)\b{apis} = \[(.*?)\]"), &hcl).into_iter().next().unwrap();
        assert_eq!(array(apis, &script), all(r#""(\w+)[.]googleapis[.]com""#, &block), "{apis}");
    }
    let build = all(r#"(?s)"google_project_iam_member" "build" \{(.*?)\n\}"#, &hcl).into_iter().next().unwrap();
    assert_eq!(array("build_roles", &script), all(r#""roles/([\w.]+)""#, &build));
    // Roles of our own, and the files that say what they hold.
    assert_eq!(all(r#"\b(egressReconciler\w*)\b"#, &script), all(r#"\b(egressReconciler\w*)\b"#, &hcl));
    let files = r"(egress-reconciler[a-z-]*[.]yaml)";
    assert_eq!(all(&format!("roles/{files}"), &script), all(&format!("\"{files}\""), &hcl));
    // What Google's own roles are given for.
    let given = |text: &str| {
        let roles = all(r"\broles/([a-z]+[.][A-Za-z.]+)", text);
        roles.into_iter().filter(|role| !["eventarc.", "bigquery."].iter().any(|it| role.starts_with(it))).collect()
    };
    let by_script: BTreeSet<String> = given(&script);
    let expected: BTreeSet<String> = given(&hcl);
    assert_eq!(by_script.union(&array("build_roles", &script)).cloned().collect::<BTreeSet<_>>(), expected);
    // Topics, subscriptions, secret, job: what follows the name.
    let ends = ["events", "dead", "reports", "policy", "sweep", "trigger", "build"];
    for end in ends {
        assert!(hcl.contains(&format!("\"${{var.name}}-{end}\"")), "{end} in Terraform");
        // Topics are made in a loop.
        let looped = all(r"for topic in (.*); do\n.*\$name-\$topic", &script);
        let looped = looped.iter().flat_map(|line| line.split(' ')).any(|topic| topic == end);
        assert!(looped || script.contains(&format!("$name-{end}")), "{end} in gcloud.sh");
    }
    for (in_script, in_hcl) in [
        ("--ack-deadline=600", "ack_deadline_seconds = 600"),
        ("--min-retry-delay=10s", "minimum_backoff = \"10s\""),
        ("--max-retry-delay=600s", "maximum_backoff = \"600s\""),
        ("--max-delivery-attempts=100", "max_delivery_attempts = 100"),
        ("--schedule='*/10 * * * *'", "\"*/10 * * * *\""),
        ("--attempt-deadline=600s", "attempt_deadline = \"600s\""),
        (
            "https://$name-$number.$region.run.app",
            "https://${var.name}-${data.google_project.this.number}.${var.region}.run.app",
        ),
    ] {
        assert!(script.contains(in_script) && hcl.contains(in_hcl), "{in_script} {in_hcl}");
    }
}

#[test]
fn the_module_page_lists_inputs_and_outputs() {
    let (hcl, page) = (terraform(), read("terraform/README.md"));
    for (kind, heading) in [("variable", "Inputs"), ("output", "Outputs")] {
        let table = page.split(&format!("## {heading}\n")).nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
        let declared = all(&format!("(?m)^{kind} \"(.*)\""), &hcl);
        assert_eq!(all(r"(?m)^\| `(\w+)` \|", table), declared, "{heading}");
    }
}

/// What the log-based metrics read is what the service writes.
#[test]
fn metrics_read_lines_that_there_are() {
    for (metric, file) in [
        ("runs", "src/reconcile/run.rs"),
        ("writes", "src/reconcile/apply.rs"),
        ("events", "src/web/events.rs"),
        ("sweeps", "src/web/sweep.rs"),
    ] {
        let text = read(&format!("monitoring/metrics/{metric}.yaml"));
        let message = all(r#"jsonPayload[.]message="(.*?)""#, &text).into_iter().next().unwrap();
        let source = std::fs::read_to_string(super::root().join(file)).unwrap();
        assert!(source.contains(&format!("\"{message}\"")), "{file} writes no line {message:?}");
    }
    let metrics = ["runs", "writes", "events", "sweeps"].map(str::to_owned);
    let dashboard = read("monitoring/dashboard.json");
    assert_eq!(all(r"user/\$\{name\}-(\w+)", &dashboard), BTreeSet::from(metrics));
}

/// Docker and Cloud Build take the same base image, whose Rust builds this crate.
#[test]
fn one_builder() {
    let file = |name: &str| std::fs::read_to_string(super::root().join(name)).unwrap();
    let builders = all(r"(?m)^ARG BUILDER=(\S+)$", &file("Dockerfile"));
    assert_eq!(builders, all(r"(?m)^  _BUILDER: (\S+)$", &file("cloudbuild.yaml")));
    let number = |found: BTreeSet<String>| found.first().and_then(|text| text.parse::<u32>().ok()).unwrap();
    let builder = number(all(r"rust:1\.(\d+)-slim-bookworm$", builders.first().unwrap()));
    assert!(builder >= number(all(r#"(?m)^rust-version = "1\.(\d+)"$"#, &file("Cargo.toml"))));
    let checker = all(r"--default-toolchain 1\.(\d+) ", &file("cloudbuild.yaml"));
    assert_eq!(checker, BTreeSet::from([builder.to_string()]));
}
