//! The set of one connector beside what stands of it.

use super::{draft::Draft, shadows::NetworkRules};
use crate::domain::{
    design::Path,
    firewall::{
        reach::{self, Match, Reach, Sender},
        rule_set::{self, Role, Rule, Site},
    },
    names::{ConnectorRef, relative},
    ownership,
    plan::{Change, Object, ObjectId, Verb},
    policy::Mode,
    stamp::Stamp,
    state::firewall::{Direction, Firewall},
    text,
};

pub(super) struct Scoping<'a, 'b> {
    pub path: &'b Path<'a>,
    pub site: Site<'b>,
    pub sender: Sender<'b>,
    pub neighbours: NetworkRules<'a>,
    pub set: Vec<Rule>,
    pub hash: String,
    /// Names of the set that somebody else's rules bear.
    pub taken: Vec<String>,
    /// Allows of the set that the last look did not find in sync.
    pub missing_allows: Vec<String>,
    /// A rule of ours leaves another network, to be made here: until it is, nothing that lets something out leaves.
    pub moving: bool,
    /// An allow of the set is written for the range that the connector moves to, and not for the one that it leaves.
    pub aimed: bool,
}

impl<'a, 'b> Scoping<'a, 'b> {
    pub fn new(draft: &Draft<'a>, path: &'b Path<'a>, tag: &'b str, firewalls: &'a [Firewall]) -> Self
    where
        'a: 'b,
    {
        let connector = &path.required.connector;
        let site = Site::new(draft.policy, connector, &draft.observed.network_name).at(path.range, path.next);
        let set = path.rules.clone();
        let neighbours = NetworkRules::new(draft, path, firewalls);
        let in_set = |rule: &Firewall| set.iter().any(|own| own.firewall.name == rule.name);
        let moving = firewalls.iter().any(|rule| in_set(rule) && displaced(draft, rule, connector));
        Self {
            path,
            site,
            sender: Sender::connector(tag, path.range),
            neighbours,
            set,
            hash: rule_set::policy_hash(path.settings),
            taken: Vec::new(),
            missing_allows: Vec::new(),
            moving,
            aimed: false,
        }
    }

    pub fn existing(&self, rule: &Rule) -> Option<&'a Firewall> {
        self.neighbours.own.iter().copied().find(|own| own.name == rule.firewall.name)
    }

    pub fn rule(&self, role: Role) -> Option<&Rule> {
        self.set.iter().find(|rule| rule.role == role)
    }

    /// The rules of the set that let packets out.
    pub fn lets_out(&self) -> impl Iterator<Item = &Rule> {
        self.set.iter().filter(|rule| rule.role.is_egress_allow() || rule.role == Role::Watch)
    }

    /// Rules of ours that are not in the set.
    pub fn retired(&self) -> impl Iterator<Item = &'a Firewall> {
        let own = self.neighbours.own.iter().copied();
        own.filter(|own| !self.set.iter().any(|rule| rule.firewall.name == own.name))
    }

    /// Our egress deny under its other name: names in a Shared VPC host project have another form than elsewhere, and a project
    /// may become one, or be one no more. It counts until the new deny is in sync.
    pub fn renamed_deny(&self) -> Option<&'a Firewall> {
        self.rule(Role::Deny)?;
        self.retired().find(|own| own.direction == Direction::Egress && own.is_deny())
    }

    /// The whole set exists under other names.
    pub fn is_renamed(&self) -> bool {
        self.renamed_deny().is_some() || self.retired().any(ownership::is_infra)
    }

    /// A deny of ours for another connector that has come to decide about this one too, because its tags or its range were
    /// changed, though nothing is to be denied here in the end. Until it is repaired, only our allows keep open what stays
    /// open.
    pub fn stray_deny(&self) -> Option<&'a Firewall> {
        let stray = |rule: &&&Firewall| rule.is_deny() && self.sender.hit(rule) != Match::None;
        let found = self.neighbours.siblings.iter().find(stray).copied();
        found.filter(|_| self.rule(Role::Deny).is_none())
    }

    /// A deny of ours is in force for all that nothing decides before it, however it has drifted and whoever wants it gone.
    pub fn stops_the_rest(&self) -> bool {
        let mut denies = self.neighbours.own.iter().filter(|own| own.is_deny() && self.sender.hit(own) == Match::Full);
        denies.any(|deny| reach::of_rule(deny).contains(&Reach::everything()))
    }

    /// Why no deny and no repair may touch the connector. Where not every user could be read, what was in force is restored
    /// all the same: the rules depend on the policy alone, and nothing is stopped that was not stopped before.
    pub fn hold_reason(&self) -> Option<&str> {
        let required = self.path.required;
        let infra = || self.rule(Role::Infra).and_then(|rule| self.existing(rule));
        let was_armed =
            || infra().and_then(|infra| Stamp::read(&infra.description)).is_some_and(|it| it.armed.is_some());
        required.hold_reason().filter(|_| required.frozen.is_some() || !was_armed())
    }

    /// Whether a rule of the set that has drifted must stay as it is. An allow stops nothing that the policy lets out: it is
    /// put right unless a person froze the connector.
    fn holds(&self, rule: &Rule) -> bool {
        match rule.role.is_egress_allow() {
            true => self.path.required.frozen.is_some(),
            false => self.hold_reason().is_some(),
        }
    }

    pub fn mode(&self) -> Mode {
        self.path.settings.mode
    }

    pub fn rule_path(&self, name: &str) -> String {
        self.site.rule_path(name)
    }
}

/// A rule of ours for this connector that stands in another network: it cannot be moved.
pub(super) fn displaced(draft: &Draft<'_>, rule: &Firewall, connector: &ConnectorRef) -> bool {
    relative(&rule.network) != draft.observed.network_name.to_string()
        && ownership::rule_stamp(draft.policy, draft.observed, rule).is_some_and(|stamp| stamp.is_for(connector))
}

/// Creates or repairs one rule; `None` = it is in sync.
pub(super) fn ensure(
    draft: &mut Draft<'_>,
    scoping: &Scoping<'_, '_>,
    rule: &Rule,
    after: Vec<ObjectId>,
) -> Option<ObjectId> {
    let connector = &scoping.path.required.connector;
    let Some(existing) = scoping.existing(rule) else {
        let reason = text::firewall::create(rule.role, connector);
        return Some(draft.push(
            Change::Create(Object::Firewall(rule.firewall.clone())),
            after,
            reason,
            scoping.mode(),
        ));
    };
    if existing.managed() == rule.firewall.managed() || scoping.holds(rule) {
        return None;
    }
    let repaired = with_managed(existing, &rule.firewall);
    let narrows = || !reach::of_rule(&repaired).contains(&reach::of_rule(existing));
    if let Some(stray) = scoping.stray_deny().filter(|_| rule.role.is_egress_allow() && narrows()) {
        draft.hold_beside(existing, Verb::Repair, stray);
        return None;
    }
    Some(repair(draft, scoping, rule, existing, &repaired, after))
}

/// Makes an existing rule of the set `repaired`.
pub(super) fn repair(
    draft: &mut Draft<'_>,
    scoping: &Scoping<'_, '_>,
    rule: &Rule,
    existing: &Firewall,
    repaired: &Firewall,
    after: Vec<ObjectId>,
) -> ObjectId {
    let by = draft.context.history.touched_by.get(&scoping.rule_path(&existing.name)).map(String::as_str);
    let reason = text::firewall::repair(rule.role, existing, repaired, by);
    let (before, repaired) = (Object::Firewall(existing.clone()), Object::Firewall(repaired.clone()));
    draft.push(Change::Repair { before, after: repaired }, after, reason, scoping.mode())
}

/// The existing document with our fields put right: what Google filled in, and the stamp's marks, stay; but what comes
/// into force is released no more.
fn with_managed(existing: &Firewall, wanted: &Firewall) -> Firewall {
    Firewall {
        description: Stamp::with_release(&existing.description, None),
        network: existing.network.clone(),
        other: existing.other.clone(),
        log_config: wanted.log_config.clone().or_else(|| existing.log_config.as_ref().map(|_| Default::default())),
        ..wanted.clone()
    }
}
