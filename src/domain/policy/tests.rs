use super::{example, read};

const RIGHT: &str = "\
version: 1
owner: team
mode: report
scope: {projects: [demo-project]}
network: {name: my-vpc}
connector: {subnet_pools: [10.8.0.0/20]}
";

#[test]
fn what_is_right_is_read() {
    for text in [RIGHT, example()] {
        assert!(read(text).is_ok(), "{:?}", read(text));
    }
}

/// Where nothing may be read: a mode, regions, overrides, and the region asked about.
#[test]
fn where_the_mode_is_off() {
    use crate::domain::names::{ProjectId, Region};
    let cases: [(&str, &str, &str, Option<&str>, bool); 10] = [
        ("off", "all", "", None, true),
        ("off", "all", "", Some("us-east1"), true),
        ("report", "all", "", None, false),
        ("off", "all", "{match: {regions: [us-east1]}, mode: report}", None, false),
        ("off", "all", "{match: {regions: [us-east1]}, mode: report}", Some("us-east1"), false),
        ("off", "all", "{match: {projects: [other-project]}, mode: report}", None, true),
        ("off", "all", "{match: {connectors: [conn]}, mode: report}", None, true),
        ("create", "[us-east1]", "{match: {regions: [us-east1]}, mode: off}", None, true),
        ("create", "[us-east1, us-west1]", "{match: {regions: [us-east1]}, mode: off}", None, false),
        ("create", "all", "{match: {regions: [us-east1]}, mode: off}", Some("us-east1"), true),
    ];
    let project = ProjectId::parse("demo-project").unwrap();
    for (mode, regions, over, region, expected) in cases {
        let scope = format!("scope: {{projects: [demo-project, other-project], regions: {regions}}}");
        let text = RIGHT.replace("report", mode).replace("scope: {projects: [demo-project]}", &scope);
        let policy = read(&format!("{text}overrides: [{over}]\n")).unwrap();
        let region = region.map(|name| Region::parse(name).unwrap());
        assert_eq!(policy.is_off(&project, region.as_ref()), expected, "{mode} {regions} {over} {region:?}");
    }
}

/// `off`, `no` and `yes` are words wherever the policy has text, though YAML 1.1 knows them as booleans.
#[test]
fn words_are_words_in_overrides_too() {
    use super::{Mode, NatLogging};
    let text = format!(
        "{}nat: {{log: off}}\noverrides:\n- {{match: {{connectors: [a]}}, mode: off}}\n- {{match: {{connectors: [b]}}, mode: create, nat: {{log: off}}}}\n",
        RIGHT.replace("mode: report", "mode: off")
    );
    let policy = read(&text).unwrap();
    assert_eq!((policy.mode, policy.nat.log), (Mode::Off, NatLogging::Off));
    let seen: Vec<_> = policy.resolved.iter().map(|one| (one.mode, one.nat.log)).collect();
    assert_eq!(seen, [(Mode::Off, NatLogging::Off), (Mode::Create, NatLogging::Off)]);
    let words = format!(
        "{}exemptions: [{{workload: yes, reason: no, until: 2027-01-01}}]\noverrides:\n- {{match: {{connectors: [on]}}, exemptions: [{{workload: n, reason: off, until: 2027-01-01}}]}}\n",
        RIGHT.replace("team", "no")
    );
    let policy = read(&words).unwrap();
    assert_eq!((policy.owner.as_str(), policy.exemptions[0].reason.as_str()), ("no", "no"));
    assert_eq!((policy.resolved[0].owner.as_str(), policy.resolved[0].exemptions[0].reason.as_str()), ("no", "off"));
    let boolean = read(&format!("{RIGHT}overrides:\n- {{match: {{connectors: [a]}}, network: {{create: off}}}}\n"));
    assert!(!boolean.unwrap().resolved[0].network.create, "where the policy has a boolean, it is one");
}

/// An override for single connectors may repeat the network that their project and region have.
#[test]
fn a_network_for_a_region_and_its_connectors() {
    let overrides = |connectors: &str, region: &str| {
        format!(
            "{RIGHT}overrides:\n- {{match: {{connectors: [x], regions: [{connectors}]}}, network: {{name: other}}, mode: report}}\n- {{match: {{regions: [{region}]}}, network: {{name: other}}}}\n"
        )
    };
    assert!(read(&overrides("us-east1", "us-east1")).is_ok());
    assert!(read(&overrides("us-east1", "us-west1")).is_err());
}

/// What is written in place of what is right, and what the message must say: the key, what was found, what was expected.
#[test]
fn what_is_wrong_is_named() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("mode:", "mdoe:", &["3:1: mdoe: found an unknown key; did you mean `mode`?"]),
        (
            "{subnet_pools",
            "{min_intances: 3, subnet_pools",
            &["connector.min_intances", "did you mean `min_instances`?"],
        ),
        ("[demo-project]", "[]", &["scope.projects: found an empty list, expected at least one project"]),
        ("[demo-project]", "['123456789012']", &["scope.projects[0]: found the project number 123456789012"]),
        (
            "{subnet_pools",
            "{declared: [{region: europe-west2, name: abcdefghijklmnopqrstuvwxyz}], subnet_pools",
            &["6:53: connector.declared[0].name: found \"abcdefghijklmnopqrstuvwxyz\", expected 2 to 25"],
        ),
        (
            "0.0/20",
            "0.0/29",
            &["6:28: connector.subnet_pools[0]: found 10.8.0.0/29, expected a range of /28 or larger"],
        ),
        ("0.0/20", "0.1/20", &["6:28: connector.subnet_pools[0]: found \"10.8.0.1/20\", expected 10.8.0.0/20"]),
        (
            "0.0/20",
            "0/20",
            &["6:28: connector.subnet_pools[0]: found \"10.8.0/20\", expected an IPv4 range such as 10.8.0.0/20"],
        ),
        (
            "{subnet_pools",
            "{min_instances: 5, max_instances: 4, subnet_pools",
            &["connector.min_instances: found 5, expected fewer than max_instances (4)"],
        ),
        (
            "network:",
            "firewall: {base_priority: 100}\nnetwork:",
            &["firewall.base_priority: found 100, expected 102 to"],
        ),
        (
            "network:",
            "firewall: {base_priority: 4294967290}\nnetwork:",
            &["firewall.base_priority: found 4294967290, expected 102 to 65444"],
        ),
        (
            "network:",
            "firewall: {ingress: {harden: true, allow: [{to_tags: [Data Base], ports: []}]}}\nnetwork:",
            &["to_tags[0]: found \"Data Base\"", "firewall.ingress.allow[0].ports: found an empty list"],
        ),
        (
            "report",
            "reprot",
            &[
                "3:7: mode: found \"reprot\", expected one of `off`, `report`, `create` or `enforce`; did you mean `report`?",
            ],
        ),
        ("owner: team\n", "", &["1:1: owner: found nothing, expected text"]),
        (
            "owner: team",
            "owner: team\nowner: other",
            &["3:1: owner: found the key twice, expected it once: it is on line 2 too"],
        ),
        ("version: 1", "version: [", &["3:5: cannot be read as YAML"]),
        (
            "network:",
            "overrides: [{match: {}, mode: enfroce}]\nnetwork:",
            &["5:31: overrides[0].mode: found \"enfroce\""],
        ),
        (
            "name: my-vpc",
            "name: projects/123456789012/global/networks/shared",
            &[
                "network.name: found the project number 123456789012 in projects/123456789012/global/networks/shared",
                "expected the project's id: projects/PROJECT_ID/global/networks/shared",
                "`gcloud projects describe 123456789012 --format='value(projectId)'`",
            ],
        ),
        (
            "network:",
            "overrides: [{match: {regions: [europe-west2]}, network: {name: projects/123456789012/global/networks/shared}}]\nnetwork:",
            &["overrides[0].network.name: found the project number 123456789012"],
        ),
        (
            "network:",
            "exemptions: [{connector: 'projects/123456789012/*', project: '123456789012', reason: x, until: 2026-12-01}]\nnetwork:",
            &[
                "exemptions[0].project: found the project number 123456789012, expected",
                "exemptions[0].connector: found the project number in \"projects/123456789012/*\"",
            ],
        ),
        (
            "network:",
            "exemptions: [{workload: projects/demo-project/locations/europe-west2/jobs/a, reason: x, until: 2026-12-01}]\nnetwork:",
            &["expected its name alone, such as nightly-export"],
        ),
        (
            "network:",
            "overrides: [{match: {projects: ['123456789012']}, mode: report}]\nnetwork:",
            &["overrides[0].match.projects[0]: found the project number 123456789012"],
        ),
        (
            "{subnet_pools",
            "{declared: [{project: '123456789012', region: europe-west2, name: conn}], subnet_pools",
            &["connector.declared[0].project: found the project number 123456789012"],
        ),
        (
            "network:",
            "firewall: {adopt: ['projects/123456789012/locations/*/connectors/*']}\nnetwork:",
            &["firewall.adopt[0]: found the project number in"],
        ),
        (
            "network:",
            "overrides: [{match: {connectors: [other-*]}, network: {name: other}}]\nnetwork:",
            &[
                "overrides[0].network: found projects/demo-project/global/networks/other for single connectors",
                "expected the network of their project and region, projects/demo-project/global/networks/my-vpc",
                "run a second installation",
            ],
        ),
        (
            "network:",
            "overrides: [{match: {}, owner: x}]\nnetwork:",
            &["overrides[0].owner: found a key that cannot be overridden"],
        ),
    ];
    for (right, wrong, expected) in cases {
        let error = read(&RIGHT.replacen(right, wrong, 1)).expect_err(wrong).to_string();
        for words in *expected {
            assert!(error.contains(words), "{wrong}\nexpected {words}\nfound {error}");
        }
    }
}

/// Whoever edits a policy with the schema at hand is told what each key is for.
#[test]
fn every_key_is_described() {
    fn walk(at: &str, schema: &serde_json::Value, wanting: &mut Vec<String>) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if property["description"].as_str().is_none_or(str::is_empty) {
                wanting.push(format!("{at}.{name}"));
            }
        }
    }
    let schema = super::schema().to_value();
    let mut wanting = Vec::new();
    walk("", &schema, &mut wanting);
    let types = schema["$defs"].as_object().unwrap();
    types.iter().for_each(|(name, schema)| walk(name, schema, &mut wanting));
    assert!(types.len() > 20 && wanting.is_empty(), "{wanting:?}");
}
