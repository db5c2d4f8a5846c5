//! Shell scripts, as people write them: one that is right, and the steps of one that is not.

use std::path::Path;

use super::gcloud::{Gcloud, said};

#[test]
fn a_script_that_is_right_may_run_twice() {
    let gcloud = Gcloud::new();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/script.sh");
    let run = || {
        gcloud.settle();
        let output = gcloud.command("bash").arg(script).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    };
    let first = run();
    for made in ["networks/jobs-vpc]", "subnetworks/jobs-connector]", "Created connector [jobs-conn]", "NAT [jobs-nat]"]
    {
        assert!(first.contains(made), "{first}\nlacks: {made}");
    }
    let second = run();
    assert!(second.contains("Job [\u{1b}[1mmy-job\u{1b}[m]") || second.contains("Job [my-job]"), "{second}");
    assert!(!second.contains("Creat"), "made again: {second}");
}

/// What the connector's step of a common script gets wrong is refused by gcloud itself; Google refuses to make a NAT anew.
const STEPS: [(&str, i32, &str); 6] = [
    (
        "compute networks subnets create my-subnet --network=my-vpc --range=10.10.0.0/24 --region=europe-west2",
        0,
        "10.10.0.0/24",
    ),
    (
        "compute networks vpc-access connectors create vpc-conn-europe --network=my-vpc --region=europe-west2 --subnet=my-subnet --min-instances=2 --max-instances=3",
        2,
        "argument --network --range: At most one of --network --range | --subnet --subnet-project can be specified.",
    ),
    (
        "compute networks vpc-access connectors create vpc-conn-europe --region=europe-west2 --subnet=my-subnet --min-instances=2 --max-instances=3",
        1,
        "/28",
    ),
    ("compute routers create nat-router --network=my-vpc --region=europe-west2", 0, "Creating router [nat-router]"),
    (
        "compute routers nats create nat-config --router=nat-router --region=europe-west2 --auto-allocate-nat-external-ips --nat-all-subnet-ip-ranges --enable-logging",
        0,
        "Creating NAT [nat-config]",
    ),
    (
        "compute routers nats create nat-config --router=nat-router --region=europe-west2 --auto-allocate-nat-external-ips --nat-all-subnet-ip-ranges --enable-logging",
        1,
        "HTTPError 400: Invalid value for field 'resource.nats[1].name': 'nat-config'",
    ),
];

#[test]
fn a_script_that_is_wrong_fails_where_it_does_at_google() {
    let gcloud = Gcloud::new();
    for (line, status, says) in STEPS {
        gcloud.settle();
        let output = gcloud.command("gcloud").args(line.split_whitespace()).output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{line}\n{}", said(&output));
        assert!(said(&output).contains(says), "{line}\n{}", said(&output));
    }
}

/// The script that all this began with, where it stands beside the checkout: said as a whole, it fails in the same words.
#[test]
fn the_original_script_fails_in_those_words() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/original/script.sh");
    if !Path::new(script).exists() {
        eprintln!("not run, for it is not there: {script}");
        return;
    }
    let gcloud = Gcloud::new();
    for (status, words) in [(0, STEPS[1].2), (1, STEPS[5].2)] {
        gcloud.settle();
        let output = gcloud.command("bash").arg(script).output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{}", said(&output));
        assert!(said(&output).contains(words), "{}", said(&output));
    }
}
