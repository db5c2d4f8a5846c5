use super::{explain::of_rule, list, note, note_by};
use crate::domain::{
    codes::Code,
    firewall::rule_set::Role,
    names::{ConnectorRef, ProjectId, Region, last_segment},
    plan::Note,
    stamp::Stamp,
    state::{
        effective::{FirewallPolicy, PolicyKind, PolicyRule},
        firewall::Firewall,
    },
};

fn what(role: Role) -> &'static str {
    match role {
        Role::Infra => "allows egress to the connector's control and data plane, which it requires",
        Role::GoogleApis => "allows egress to Google's APIs over their private ranges",
        Role::Internal => "allows egress to the internal ranges of the policy",
        Role::Internet => "allows egress to the internet destinations of the policy",
        Role::Serverless => "allows ingress from Google's serverless infrastructure in a host project's network",
        Role::HealthChecks => "allows ingress from Google's health checks in a host project's network",
        Role::IngressAllow => "allows ingress to the tags that the policy names",
        Role::IngressDeny => "denies ingress to the other instances of the network",
        Role::Watch => "logs egress that the policy does not allow, and blocks nothing",
        Role::Deny => "denies and logs all other egress",
    }
}

pub fn create(role: Role, connector: &ConnectorRef) -> String {
    format!("{}: {}", connector.name, what(role))
}

pub fn repair(role: Role, existing: &Firewall, wanted: &Firewall, by: Option<&str>) -> String {
    let (before, after) = (existing.managed(), wanted.managed());
    let changed = before.iter().filter(|(field, value)| after.get(*field) != Some(*value)).map(|(field, _)| *field);
    let changed: Vec<_> = changed.collect();
    let (fields, were) = (list(&changed), if changed.len() == 1 { "was" } else { "were" });
    let who = by.map_or_else(String::new, |by| format!(" by {by}"));
    match existing.disabled && !wanted.disabled {
        true if Stamp::read(&existing.description).is_some_and(|stamp| stamp.released.is_some()) => {
            format!("was released{who}, and the release is over; this rule {}", what(role))
        }
        true => format!("was disabled{who}; this rule {}", what(role)),
        false => format!("{fields} {were} changed{who}; this rule {}", what(role)),
    }
}

pub fn retire(rule: &Firewall) -> String {
    format!("the policy no longer asks for rule {}", rule.name)
}

pub fn bridge() -> String {
    "temporary rule: keeps current egress allowed while two rules swap".to_owned()
}

pub fn arm() -> String {
    "deny verified; recorded as active so that a manual disable can be detected".to_owned()
}

pub fn allows_first(missing: &[String]) -> String {
    format!("the deny rule waits until every allow rule is verified; not verified yet: {}", missing.len())
}

/// An allow that leaves or is narrowed, while a deny for another connector is in force for this one.
pub fn held_beside(allow: &str, stray: &str) -> String {
    format!("{allow} stays until {stray}, which also denies egress of this connector, is repaired or deleted")
}

/// On a host network.
pub fn range_unknown(connector: &ConnectorRef) -> Note {
    let name = &connector.name;
    note(
        Code::Unmanaged,
        format!("connector/{name}"),
        format!(
            "no firewall rule is written for connector {name}: its range could not be read, and in a Shared VPC host's network a rule by tag alone would match other projects' connectors of this name too"
        ),
    )
}

pub fn unmanaged(connector: &ConnectorRef) -> Note {
    note(
        Code::Unmanaged,
        format!("connector/{}", connector.name),
        format!(
            "connector {} was not created by egress-reconciler, so no rule is written for it; add it to `firewall.adopt` to scope its egress",
            connector.name
        ),
    )
}

/// Rules of ours for a connector that is not ours any more: what they stop stays stopped, and a person must say whether it should.
pub fn unkept(connector: &ConnectorRef, rules: &[&Firewall]) -> Option<Note> {
    let mut standing: Vec<_> = rules.iter().filter(|rule| !rule.disabled).map(|rule| rule.name.clone()).collect();
    standing.sort();
    (!standing.is_empty()).then(|| {
        note(
            Code::Unkept,
            format!("connector/{}", connector.name),
            format!(
                "connector {} is neither ours nor adopted any longer, but rules of ours still apply to it and are not updated: {}; add it to `firewall.adopt`, or delete them",
                connector.name,
                list(&standing)
            ),
        )
    })
}

pub fn automatic(rule: &str, replace: bool) -> Note {
    let todo = if replace {
        "it is disabled as soon as our rules exist for every connector that it allows"
    } else {
        "remove it where it is not wanted, or set `firewall.replace_auto: true`"
    };
    note(
        Code::AutomaticRule,
        format!("firewall/{rule}"),
        format!("{rule} matches `firewall.auto_rules`: a broad egress rule that other automation created; {todo}"),
    )
}

/// `for_all` = the rule is for every instance of the network, not for connectors alone.
pub fn replace_automatic(for_all: bool) -> String {
    let scope = if for_all { ", for every instance of the network" } else { "" };
    format!(
        "a broad rule that other automation created; our own rules are in place, and `firewall.replace_auto` disables it{scope}"
    )
}

pub fn other_network(rule: &Firewall, connector: &ConnectorRef) -> String {
    format!(
        "it has our stamp for connector {} and is in {}, where the connector is not; a rule cannot be moved, so it is deleted and recreated",
        connector.name,
        last_segment(&rule.network)
    )
}

pub fn foreign_deny(rule: &str, deny: &str, stands: bool) -> Note {
    let what = if stands {
        "allows what the deny stops and is left as it is"
    } else {
        "is not written: it would open what the deny stops"
    };
    note_by(
        Code::ForeignDeny,
        format!("firewall/{rule}"),
        deny,
        format!("{rule} {what}; name {deny} in `firewall.override_denies`, or narrow one of the two"),
    )
}

pub fn would_uncover(deny: &str, priority: u32, rule: &str) -> Note {
    note_by(
        Code::DenyHeld,
        format!("firewall/{deny}"),
        rule,
        format!(
            "{deny} stays at priority {priority}: at the priority that the policy specifies, {rule} would apply first and allow more egress than now; remove or narrow {rule}, or lower `firewall.base_priority`"
        ),
    )
}

pub fn watch_defeats(rule: &str, deny: &str) -> Note {
    note_by(
        Code::WatchDefeatsDeny,
        format!("firewall/{rule}"),
        deny,
        format!(
            "{rule} would allow what {deny} stops, so it is disabled; use `enforcement: enforce`, which needs no watch rule"
        ),
    )
}

pub fn disable_watch(deny: &str) -> String {
    format!("it allows what {deny} stops")
}

pub fn shadowed(connector: &ConnectorRef, rule: &str) -> Note {
    note_by(
        Code::Shadowed,
        format!("connector/{}", connector.name),
        rule,
        format!(
            "{rule} allows connector {} egress beyond the policy and is evaluated before our deny rule; remove or narrow it, or add what it opens to the policy",
            connector.name
        ),
    )
}

/// A part of what the policy names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part(String);

impl Part {
    pub fn of(role: Role, rule: &Firewall) -> Self {
        Self(match role {
            Role::Infra => format!("the connector's own control traffic ({})", of_rule(rule)),
            Role::GoogleApis => "Google's APIs over their private ranges (`firewall.google_apis`)".to_owned(),
            Role::Internal => "the internal ranges (`firewall.internal`)".to_owned(),
            _ => format!("what `firewall.internet` names ({})", of_rule(rule)),
        })
    }
}

/// A rule that is not ours, and where to find it.
pub struct Stopper<'a> {
    pub by: &'a str,
    /// Of a firewall policy.
    pub policy: Option<(&'a FirewallPolicy, &'a PolicyRule)>,
    /// The network's.
    pub project: &'a ProjectId,
    pub region: &'a Region,
}

impl Stopper<'_> {
    /// The command that shows the rule.
    fn describe(&self) -> String {
        let Self { by, project, region, .. } = self;
        let Some((policy, rule)) = self.policy else {
            return format!("gcloud compute firewall-rules describe {by} --project={project}");
        };
        let (name, priority) = (&policy.name, rule.priority);
        let of_network = format!(
            "gcloud compute network-firewall-policies rules describe {priority} --firewall-policy={name} --project={project}"
        );
        match policy.kind() {
            PolicyKind::Network | PolicyKind::System => format!("{of_network} --global-firewall-policy"),
            PolicyKind::NetworkRegional | PolicyKind::SystemRegional => {
                format!("{of_network} --firewall-policy-region={region}")
            }
            PolicyKind::Hierarchy | PolicyKind::Unknown => {
                format!("gcloud compute firewall-policies rules describe {priority} --firewall-policy={name}")
            }
        }
    }
}

fn parts(parts: &[Part]) -> String {
    list(parts.iter().map(|part| part.0.as_str()))
}

pub fn cut_off(connector: &ConnectorRef, stopper: &Stopper<'_>, stopped: &[Part]) -> Note {
    let by = stopper.by;
    note_by(
        Code::CutOff,
        format!("connector/{}", connector.name),
        by,
        format!(
            "{by} stops {}, so the path of connector {} is cut; ask its owner to narrow or remove it, or to allow this traffic before it: `{}`",
            parts(stopped),
            connector.name,
            stopper.describe()
        ),
    )
}

pub fn narrowed(connector: &ConnectorRef, stopper: &Stopper<'_>, stopped: &[Part]) -> Note {
    let by = stopper.by;
    note_by(
        Code::Narrowed,
        format!("connector/{}", connector.name),
        by,
        format!(
            "{by} blocks, or may block, part of what the policy allows connector {} to reach: {}; if this is not intended, ask its owner to narrow it: `{}`",
            connector.name,
            parts(stopped),
            stopper.describe()
        ),
    )
}

/// A rule leaves nothing of the path open, though no rule of another hand stops what the policy names.
pub fn closed(connector: &ConnectorRef, by: &str) -> Note {
    note_by(
        Code::CutOff,
        format!("connector/{}", connector.name),
        by,
        format!(
            "{by} stops everything that the policy lets connector {} reach; no change to it is planned here, so put it right or disable it",
            connector.name
        ),
    )
}

pub fn disarmed(deny: &str, connector: &ConnectorRef, by: Option<&str>, stands: bool) -> Note {
    let who = by.unwrap_or("unknown");
    let how = if stands { "disabled" } else { "deleted" };
    note_by(
        Code::Disarmed,
        format!("firewall/{deny}"),
        who,
        format!(
            "{deny} was {how} by {who} and stays so: egress of connector {} is open; run `{}` when the emergency is over, or set `firewall.rearm: at-once`",
            connector.name,
            super::break_glass::about("rearm", connector)
        ),
    )
}

pub fn frozen(connector: &ConnectorRef, why: &str) -> Note {
    note(
        Code::Frozen,
        format!("connector/{}", connector.name),
        format!("no deny is written for connector {}: {why}", connector.name),
    )
}
