//! Commands that cannot work at all: no credentials, bad ones, or no network.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
};

use serde_json::json;

use super::{POLICY, policy, program, status, told};

/// A metadata server that gives every caller the same answer, until the tests end; its address.
fn metadata_server(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            // A caller that has left has heard enough.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

/// What keeps a command from doing anything at all is one error, which says what to do.
#[test]
fn who_cannot_work_at_all_hears_it_once() {
    let (file, damaged) = (policy(POLICY), policy("{\"type\": \"service_account\"}"));
    let (path, damaged) = (file.path().to_str().unwrap(), damaged.path().to_str().unwrap());
    let commands: [&[&str]; 9] = [
        &["init", "--project", "demo-project"],
        &["release", "--yes"],
        &["rearm", "--yes"],
        &["plan", "--project", "demo-project"],
        &["apply", "--yes", "--project", "demo-project"],
        &["explain", "--project", "demo-project", "--region", "europe-west2"],
        &["export", "--project", "demo-project"],
        &["sweep", "--dry-run"],
        &["doctor"],
    ];
    // Nothing listens on port 1.
    let closed = "http://127.0.0.1:1/";
    let garbage = [
        "HTTP/1.1 200 OK\r\nmetadata-flavor: Google\r\ncontent-length: 28\r\n\r\n<html>\n<p>\n\x1b[2Jno\n\n</html>\n",
        "HTTP/1.1 200 OK\r\nmetadata-flavor: Google\r\ncontent-length: 65\r\n\r\n{\"access_token\":\"a\\nb\\u0007\",\"expires_in\":99,\"token_type\":\"Bearer\"}",
    ]
    .map(metadata_server);
    let key = json!({
        "type": "service_account", "client_email": "a@b.iam.gserviceaccount.com", "private_key_id": "k", "project_id": "b",
        "private_key": "-----BEGIN PRIVATE KEY-----\nno\u{1b}[2J\nkey\n-----END PRIVATE KEY-----\n",
    });
    let keys = [key.to_string(), "\u{1}\u{1b}[2J\n{\n\n\n".to_owned()].map(|text| policy(&text));
    let [garbled, binary] = keys.each_ref().map(|file| file.path().to_str().unwrap());
    let wrong: [(&str, &[(&str, &str)]); 7] = [
        ("run `gcloud auth application-default login`", &[("GOOGLE_APPLICATION_CREDENTIALS", garbled)]),
        ("run `gcloud auth application-default login`", &[("GOOGLE_APPLICATION_CREDENTIALS", binary)]),
        ("run `gcloud auth application-default login`", &[("GCE_METADATA_HOST", &garbage[0])]),
        ("run `gcloud auth application-default login`", &[("GCE_METADATA_HOST", &garbage[1])]),
        ("run `gcloud auth application-default login`", &[("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")]),
        ("run `gcloud auth application-default login`", &[("GOOGLE_APPLICATION_CREDENTIALS", damaged)]),
        (
            "check the network",
            &[("CLOUDSDK_AUTH_DISABLE_CREDENTIALS", "true"), ("CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE", closed)],
        ),
    ];
    for (says, variables) in wrong {
        // Each try to reach Google is repeated for some seconds.
        let asked = commands.iter().filter(|command| says.starts_with("run") || command[0] == "plan");
        for command in asked {
            let output = program(command).env("EGRESS_POLICY", path).envs(variables.iter().copied()).output().unwrap();
            let (out, error) = told(&output);
            assert_eq!((status(&output), out.as_str()), (1, ""), "{command:?}: {error}");
            assert!(error.starts_with("error: ") && error.contains(says), "{command:?}: {error}");
            assert!(error.lines().count() <= 3, "{command:?}: {error}");
            assert!(!error.chars().any(|c| c.is_control() && c != '\n'), "{command:?}: {error:?}");
        }
    }
}
