//! What a policy allows, in sentences: all of it, in the order of the file.

use std::fmt::Display;

use jiff::{Timestamp, tz::TimeZone};

use crate::domain::policy::{
    ConnectorSection, Declared, Enforcement, Ensure, EnsureNat, Exemption, FirewallSection, InternetEntry, Met, Mode,
    NatLogging, NatSection, NetworkName, Policy, Prune, Rearm, Setting, differences, flow,
};

/// Sentences under headings; a heading is said once.
struct Page(String);

impl Page {
    fn say(&mut self, heading: &str, sentences: impl IntoIterator<Item = String>) {
        let mut heading = heading;
        for sentence in sentences {
            self.0 += &format!("  {heading:<13}{sentence}\n");
            heading = "";
        }
    }
}

/// All that a policy allows.
pub fn summary(policy: &Policy, now: Timestamp) -> String {
    let mut page = Page(String::new());
    page.say("owner", [format!("{}: stamped on everything that is created", policy.owner)]);
    page.say("mode", [format!("{}: {}", policy.mode.word(), may(policy.mode))]);
    page.say("projects", [and(&policy.scope.projects)]);
    let hosts = &policy.scope.hosts;
    let hosts =
        (!hosts.is_empty()).then(|| format!("{}: Shared VPC hosts, whose events and connectors count too", and(hosts)));
    page.say("hosts", hosts);
    page.say(
        "regions",
        [policy.scope.regions.list().map_or_else(|| "every region that Cloud Run has".to_owned(), and)],
    );
    page.say("network", [network(policy)]);
    page.say("connectors", connectors(&policy.connector));
    page.say("declared", policy.connector.declared.iter().map(declared));
    page.say("NAT", nat(&policy.nat));
    page.say("firewall", [enforcement(policy)]);
    let section = &policy.firewall;
    page.say("internal", [internal(section)]);
    page.say("internet", internet(section, now));
    page.say("Google APIs", [google_apis(section)]);
    page.say(
        "control",
        ["tcp:667, udp:665-666 and icmp to 35.199.224.0/19, without which a connector does not work".to_owned()],
    );
    page.say("ingress", ingress(section));
    page.say("adopt", [adopt(section)]);
    page.say("rearm", [rearm(section)]);
    page.say("other rules", other_rules(section));
    let budget = &policy.budget;
    page.say(
        "budget",
        [format!(
            "at most {} changes in a run, and {} to a target in an hour",
            budget.changes_per_run, budget.changes_per_hour
        )],
    );
    page.say("exemptions", policy.exemptions.iter().map(|exemption| exempted(exemption, now)));
    page.say("reports", [reports(policy)]);
    for (index, resolved) in policy.resolved.iter().enumerate() {
        page.say(&format!("overrides[{index}]"), overridden(policy, index, resolved));
    }
    page.0
}

fn may(mode: Mode) -> &'static str {
    match mode {
        Mode::Off => "reads nothing and writes nothing",
        Mode::Report => "reads and reports, writes nothing",
        Mode::Create => "creates missing resources, and adds to lists in its own",
        Mode::Enforce => "creates missing resources, and repairs, replaces or deletes its own",
    }
}

fn network(policy: &Policy) -> String {
    let name = match &policy.network.name {
        NetworkName::Own(name) => format!("{name} of each project"),
        NetworkName::Of(network) => network.to_string(),
    };
    let create = policy.network.create;
    format!("{name}, {}", if create { "created in custom mode if it does not exist" } else { "which must exist" })
}

fn connectors(section: &ConnectorSection) -> Vec<String> {
    let which = match section.ensure {
        Ensure::Referenced => {
            "those that workloads name, or that the policy declares, are created if they do not exist"
        }
        Ensure::Declared => "only those that the policy declares are created if they do not exist",
        Ensure::Never => "none is created; those that exist are served",
    };
    let mut all = vec![which.to_owned()];
    if section.ensure != Ensure::Never {
        if !section.names.iter().any(|glob| glob == "*") {
            all.push(match section.names.as_slice() {
                [] => "no name is allowed for new ones".to_owned(),
                names => format!("names of new ones must match {}", or(names)),
            });
        }
        let ConnectorSection { min_instances, max_instances, new_per_day, .. } = section;
        all.push(format!(
            "each new one gets a /28 from {} and {min_instances} to {max_instances} {} instances{}; at most {new_per_day} are created in 24 hours for each target",
            or(&section.subnet_pools),
            section.machine_type.as_str(),
            if section.subnet_flow_logs { ", with VPC flow logs on its subnet" } else { "" },
        ));
        all.push(
            if section.recreate {
                "one that was deleted is created again if workloads still name it"
            } else {
                "one that was deleted is not created again"
            }
            .to_owned(),
        );
    }
    all.push(
        if section.repair {
            "one of ours in state ERROR is replaced"
        } else {
            "one of ours in state ERROR is reported, not replaced"
        }
        .to_owned(),
    );
    all.push(match section.prune {
        Prune::Never => "none is deleted for lack of use".to_owned(),
        Prune::SevenDays => "one of ours that nothing has used for 7 days is deleted".to_owned(),
    });
    all
}

fn declared(entry: &Declared) -> String {
    let of = entry
        .project
        .as_ref()
        .map_or_else(|| "every project that is no Shared VPC host".to_owned(), ToString::to_string);
    format!("{} in {} of {of}", entry.name, entry.region)
}

fn nat(section: &NatSection) -> Vec<String> {
    let NatSection { static_ips, min_ports, max_ports, dynamic_ports, direct_vpc_subnets, .. } = section;
    let mut all = vec![match section.ensure {
        EnsureNat::WhenNeeded => "ensured for connectors that a workload sends all its traffic through".to_owned(),
        EnsureNat::Always => "ensured for every connector".to_owned(),
        EnsureNat::Never => return vec!["none is created".to_owned()],
    }];
    all.push(match static_ips.as_slice() {
        [] => "addresses are allocated by Google".to_owned(),
        names => format!("static addresses: {}", and(names)),
    });
    let min = |otherwise: u32| min_ports.unwrap_or(otherwise);
    all.push(match dynamic_ports {
        true => format!("each instance gets {} to {} ports, as it needs them", min(32), max_ports.unwrap_or(65_536)),
        false => format!("each instance gets {} ports", min(64)),
    });
    all.push(match section.log {
        NatLogging::Off => "nothing is logged".to_owned(),
        NatLogging::ErrorsOnly => "dropped packets are logged".to_owned(),
        NatLogging::TranslationsOnly => "connections are logged".to_owned(),
        NatLogging::All => "connections and dropped packets are logged".to_owned(),
    });
    if !direct_vpc_subnets.is_empty() {
        all.push(format!("subnets of Direct VPC workloads that are served too: {}", and(direct_vpc_subnets)));
    }
    all
}

fn blocks(enforcement: Enforcement) -> &'static str {
    match enforcement {
        Enforcement::AllowOnly => "only allow rules are written, and they block nothing",
        Enforcement::Observe => "egress that the policy does not allow is logged, and not blocked",
        Enforcement::Enforce => "egress that the policy does not allow is blocked, and logged",
    }
}

fn enforcement(policy: &Policy) -> String {
    let what = blocks(policy.firewall.enforcement);
    let written = if policy.mode < Mode::Create { "; in this mode no rule is written" } else { "" };
    format!("{what}; rules begin at priority {}{written}", policy.firewall.base_priority)
}

fn internal(section: &FirewallSection) -> String {
    match section.internal.as_slice() {
        [] => "no internal range is allowed".to_owned(),
        ranges => format!("TCP, UDP and ICMP to {}", and(ranges)),
    }
}

fn internet(section: &FirewallSection, now: Timestamp) -> Vec<String> {
    match section.internet.as_slice() {
        [] => vec!["no address on the internet is allowed".to_owned()],
        entries => entries.iter().map(|entry| allowed(entry, now)).collect(),
    }
}

fn allowed(entry: &InternetEntry, now: Timestamp) -> String {
    let reason = entry.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    let until = match entry.expires {
        Some(last) if last < today(now) => format!("; expired on {last}, so it allows nothing"),
        Some(last) => format!("; until {last}"),
        None => String::new(),
    };
    let every = entry.to.iter().any(|range| range.prefix_len() == 0);
    format!(
        "{} to {}{reason}{until}",
        and(&entry.ports),
        if every { "every address (0.0.0.0/0)".to_owned() } else { and(&entry.to) }
    )
}

fn google_apis(section: &FirewallSection) -> String {
    match section.google_apis {
        true => "tcp:443 to private.googleapis.com and restricted.googleapis.com".to_owned(),
        false => "no rule of their own".to_owned(),
    }
}

fn ingress(section: &FirewallSection) -> Vec<String> {
    let ingress = &section.ingress;
    if !ingress.harden {
        return vec!["connections from connectors to other instances of the network get no rule".to_owned()];
    }
    let denied = "connections from connectors to other instances of the network are denied";
    if ingress.allow.is_empty() {
        return vec![denied.to_owned()];
    }
    let allowed = ingress
        .allow
        .iter()
        .map(|entry| format!("{} to instances with the tag {}", and(&entry.ports), or(&entry.to_tags)));
    [format!("{denied}, except:")].into_iter().chain(allowed).collect()
}

fn adopt(section: &FirewallSection) -> String {
    match section.adopt.as_slice() {
        [] => "connectors that were created by others get no rules".to_owned(),
        globs => format!("connectors that were created by others get the same rules if they match {}", or(globs)),
    }
}

fn rearm(section: &FirewallSection) -> String {
    match section.rearm {
        Rearm::Manual => {
            "a deny rule that was disabled or deleted by hand stays so until `rearm`, or until the policy changes"
                .to_owned()
        }
        Rearm::AtOnce => "a deny rule that was disabled or deleted by hand is put back in the next run".to_owned(),
    }
}

/// Rules of others.
fn other_rules(section: &FirewallSection) -> Vec<String> {
    let mut all = Vec::new();
    if !section.override_denies.is_empty() {
        all.push(format!("deny rules that ours may precede: {}", and(&section.override_denies)));
    }
    if section.replace_auto && !section.auto_rules.is_empty() {
        all.push(format!("broad allow rules that match {} are disabled once our rules exist", or(&section.auto_rules)));
    }
    if all.is_empty() {
        all.push("rules of others are left as they are".to_owned());
    }
    all
}

fn exempted(exemption: &Exemption, now: Timestamp) -> String {
    let which = match (&exemption.connector, &exemption.workload) {
        (Some(connector), _) => format!("connectors that match {connector}"),
        (None, Some(workload)) => format!("workloads that match {workload}"),
        (None, None) => String::new(),
    };
    let place =
        [&exemption.project.as_ref().map(ToString::to_string), &exemption.region.as_ref().map(ToString::to_string)];
    let place: String = place.into_iter().flatten().map(|name| format!(" in {name}")).collect();
    let Exemption { until, reason, .. } = exemption;
    match *until < today(now) {
        true => format!("ended on {until}: {which}{place} ({reason})"),
        false => format!("{which}{place} are left alone until {until}: {reason}"),
    }
}

fn reports(policy: &Policy) -> String {
    let to = policy.reports.topic.as_ref().map_or_else(|| "to stdout".to_owned(), |topic| format!("to {topic}"));
    let in_sync = policy.reports.in_sync;
    format!(
        "{to}{}",
        if in_sync { ", those of runs that found nothing to do too" } else { ", unless a run found nothing to do" }
    )
}

fn overridden(policy: &Policy, index: usize, resolved: &Policy) -> Vec<String> {
    let matches = &policy.overrides[index].matches;
    let which = match matches.connectors.as_slice() {
        [] => "every connector".to_owned(),
        globs => format!("connectors that match {}", or(globs)),
    };
    let met = policy.met_by(index);
    let head = match met.is_empty() {
        true => format!("{which}: no target of the scope"),
        false => format!("{which} of {}:", places(&met)),
    };
    let changes: Vec<String> = differences(policy, resolved).iter().map(changed).collect();
    let none = changes.is_empty().then(|| "changes nothing: these are the policy's own settings".to_owned());
    [head].into_iter().chain(changes).chain(none).collect()
}

/// Targets, those in the same regions together.
pub fn places(met: &[Met]) -> String {
    let regions = |met: &Met| match &met.regions {
        Some(regions) => and(regions),
        None if met.except.is_empty() => "every region".to_owned(),
        None => format!("every region except {}", and(&met.except)),
    };
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for one in met {
        let regions = regions(one);
        match groups.iter_mut().find(|(own, _)| *own == regions) {
            Some((_, projects)) => projects.push(one.project.to_string()),
            None => groups.push((regions, vec![one.project.to_string()])),
        }
    }
    groups.iter().map(|(regions, projects)| format!("{} in {regions}", and(projects))).collect::<Vec<_>>().join("; ")
}

/// A setting that differs.
pub fn changed(setting: &Setting) -> String {
    let Setting { key, old, new } = setting;
    let meaning = match key.as_str() {
        "mode" => serde_json::from_value(new.clone()).ok().map(may),
        "firewall.enforcement" => serde_json::from_value(new.clone()).ok().map(blocks),
        _ => None,
    };
    let meaning = meaning.map_or_else(String::new, |meaning| format!(": {meaning}"));
    format!("`{key}` is {} instead of {}{meaning}", flow(new), flow(old))
}

fn today(now: Timestamp) -> jiff::civil::Date {
    now.to_zoned(TimeZone::UTC).date()
}

pub(super) fn and<T: Display>(items: &[T]) -> String {
    joined(items, "and")
}

fn or<T: Display>(items: &[T]) -> String {
    joined(items, "or")
}

fn joined<T: Display>(items: &[T], last: &str) -> String {
    match items {
        [] => "nothing".to_owned(),
        [one] => one.to_string(),
        [first @ .., end] => {
            let first: Vec<_> = first.iter().map(ToString::to_string).collect();
            format!("{} {last} {end}", first.join(", "))
        }
    }
}
