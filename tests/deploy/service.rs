//! The Cloud Run service is described twice, for gcloud and for Terraform: with the same settings, which `serve` takes.

use std::process::Command;

use super::{all, read, terraform};

fn one(pattern: &str, text: &str) -> String {
    let found = all(pattern, text);
    assert_eq!(found.len(), 1, "{pattern}: {found:?}");
    found.into_iter().next().unwrap()
}

fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with('#')).map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_same_settings_twice() {
    let (yaml, hcl) = (without_comments(&read("service.yaml")), without_comments(&terraform()));
    let max_instances = one(r#"variable "max_instances" \{[^}]*default\s+= (\d+)"#, &hcl);
    assert!(hcl.contains("max_instance_count = var.max_instances"));
    assert_eq!(one(r#"maxScale: "(\d+)""#, &yaml), max_instances);
    assert_eq!(one(r#"cpu-throttling: "(\w+)""#, &yaml), one(r#"variable "cpu_idle" \{[^}]*default\s+= (\w+)"#, &hcl));
    assert_eq!(one("ingress: (.*)", &yaml), "internal");
    assert_eq!(one(r#"ingress\s+= "(.*)""#, &hcl), "INGRESS_TRAFFIC_INTERNAL_ONLY");
    let pairs = [
        (r#"minScale: "(\d+)""#, r"min_instance_count\s+= (\d+)"),
        (r"containerConcurrency: (\d+)", r"max_instance_request_concurrency\s+= (\d+)"),
        (r"timeoutSeconds: (600)", r#"timeout\s+= "(\d+)s""#),
        (r#"startup-cpu-boost: "(\w+)""#, r"startup_cpu_boost\s+= (\w+)"),
        (r#"cpu: "(\d+)""#, r#"cpu\s+= "(\d+)""#),
        (r"memory: (\w+)", r#"memory\s+= "(\w+)""#),
        (r"path: (/\w+)", r#"\bpath\s+= "(/livez)""#),
        (r"failureThreshold: (\d+)", r"failure_threshold\s+= (\d+)"),
        (r"periodSeconds: (\d+)", r"period_seconds\s+= (\d+)"),
        (r"containerPort: (\d+)", r"container_port\s+= (\d+)"),
        (r"mountPath: (\S+)", r#"mount_path\s+= "(.*)""#),
        (r"key: (latest)", r#"version\s+= "(latest)""#),
        (r"path: (\w+[.]yaml)", r#"path\s+= "(\w+[.]yaml)""#),
        (r"args: \[(\w+)\]", r#"args\s+= \["(\w+)"\]"#),
    ];
    for (in_yaml, in_hcl) in pairs {
        assert_eq!(one(in_yaml, &yaml), one(in_hcl, &hcl), "{in_yaml}");
    }
    // What is open at once may not exceed what the service itself allows.
    let concurrency = one(r"containerConcurrency: (\d+)", &yaml);
    assert!(yaml.contains(&format!("name: EGRESS_MAX_CONCURRENT\n          value: \"{concurrency}\"")));
    assert!(hcl.contains(&format!("EGRESS_MAX_CONCURRENT = \"{concurrency}\"")));
}

#[test]
fn variables_are_flags_of_serve() {
    let yaml = all(r"- name: ([A-Z_]+)\n", &read("service.yaml"));
    let hcl = all(r"(?m)^    ([A-Z][A-Z_]+)\s+= ", &terraform());
    assert_eq!(yaml, hcl);
    let program = env!("CARGO_BIN_EXE_egress-reconciler");
    let help = Command::new(program).args(["serve", "--help"]).output().unwrap().stdout;
    let flags = all(r"\[env:\s+([A-Z_]+)", &String::from_utf8(help).unwrap());
    let unknown: Vec<_> = yaml.iter().filter(|name| name.starts_with("EGRESS_") && !flags.contains(*name)).collect();
    assert!(unknown.is_empty(), "{unknown:?} are no flags of serve: {flags:?}");
}
