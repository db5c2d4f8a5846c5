//! What should be there: which connectors are required, by whom, and with which egress.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{
    audit::wanted::WantedConnector,
    names::{ConnectorName, ConnectorRef, ProjectId, last_segment},
    ownership::{infra_rule, rule_stamp, stamped, stamped_rules},
    plan::Note,
    policy::{Enforcement, Mode, Policy, Prune, pattern},
    stamp::Stamp,
    state::{
        connector::{Connector, ConnectorState},
        egress::Egress,
        observed::Observed,
        read::FailureKind,
        refused_deploy::FailedDeploy,
        requirement::{PathUser, Required, Requirer},
        subnet::Subnet,
        traffic,
        workload::{Workload, WorkloadKind},
    },
    target::Target,
    text::{self, prune::Removal},
};

/// A subnet of ours whose connector is gone asks for it only so long: later, its absence is somebody's wish.
const STAMP_COUNTS_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Google makes, grows and deletes a connector in minutes: what takes longer will not end by itself.
pub const CHANGES_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// `connector.prune: 7d`.
pub const PRUNED_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Who asks for which connectors of a target, and for which nobody does.
#[derive(Debug, Clone, Default)]
pub struct Demand {
    pub connectors: Vec<Required>,
    /// Connectors of other projects that workloads here name.
    pub elsewhere: Vec<Required>,
    /// Connectors for which something of ours stands, though nothing has asked for them for long enough to let it go.
    pub unused: Vec<ConnectorRef>,
    /// Connectors that stand and that nothing asks for: they stay until a mark of ours says for how long.
    pub idle: Vec<ConnectorRef>,
    /// Connectors that are gone and not asked for, while something of ours still stands for them.
    pub left_over: Vec<ConnectorRef>,
    /// References that cannot be followed.
    pub blocked_by: Vec<Note>,
    pub findings: Vec<Note>,
}

/// Which connectors this target requires.
pub fn demand(policy: &Policy, observed: &Observed, wanted: &[WantedConnector], now: Timestamp) -> Demand {
    decide(policy, observed, wanted, now, observed.sees_every_user())
}

/// `complete` = no user is left that was not seen: only then is a connector idle or unused.
fn decide(policy: &Policy, observed: &Observed, wanted: &[WantedConnector], now: Timestamp, complete: bool) -> Demand {
    let target = &observed.target;
    let unread = (!observed.reads_every_user()).then_some(text::connector::UNREAD_WORKLOADS);
    let mut draft = Draft {
        target,
        policy,
        now,
        unread,
        complete,
        found: BTreeMap::new(),
        blocked_by: Vec::new(),
        findings: Vec::new(),
    };
    // By name: of several reasons the same one is told, in whatever order Google lists them.
    let mut workloads: Vec<_> = observed.workloads().collect();
    workloads.sort();
    for workload in workloads {
        draft.workload(workload, observed);
    }
    for entry in &policy.for_target(target).connector.declared {
        // A connector in a host project is made only where the entry names that project.
        let is_meant = match &entry.project {
            Some(project) => *project == target.project,
            None => !policy.is_host(&target.project),
        };
        if entry.region == target.region && is_meant {
            draft.require(draft.own(&entry.name), Requirer::Declared, Egress::PrivateRangesOnly);
        }
    }
    for entry in wanted {
        draft.wanted(entry, observed);
    }
    for used in &observed.users {
        draft.used(used);
    }
    draft.connected(observed);
    for (connector, stamp, subnet) in stamped(policy, observed) {
        draft.stamped(connector, &stamp, subnet, observed);
    }
    let unreferenced = draft.unreferenced(observed, wanted);
    draft.found.retain(|connector, _| !unreferenced.unused.contains(connector));
    let awaited: BTreeSet<&ConnectorName> = wanted.iter().map(|wanted| &wanted.connector.name).collect();
    let idle = draft.found.values().filter(|required| !awaited.contains(&required.connector.name));
    let idle = idle.filter_map(|required| draft.idle(required, observed)).collect::<Vec<_>>();
    draft.findings.extend(idle);
    let (connectors, elsewhere) = draft.found.into_values().partition(|required| target.has(&required.connector));
    Demand { connectors, elsewhere, blocked_by: draft.blocked_by, findings: draft.findings, ..unreferenced }
}

/// Project numbers in references: Google writes a project either way, and only by its id can it be compared.
pub fn numbers(observed: &Observed, wanted: &[WantedConnector]) -> BTreeSet<ProjectId> {
    let target = &observed.target;
    let names = observed.workloads().filter_map(|workload| workload.connector.as_deref());
    let named = names.filter_map(|name| ConnectorRef::parse(name, &target.project, &target.region).ok());
    let all = named.chain(wanted.iter().map(|wanted| wanted.connector.clone()));
    all.map(|connector| connector.project).filter(ProjectId::is_number).collect()
}

/// Which users have to be asked for that round one does not list.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct FurtherUsers {
    /// Executions under way: where a job's latest one has not completed, or where something of ours is to be removed,
    /// replaced or denied for the first time. An execution keeps the network that its job had when it began.
    pub executions: bool,
    /// Users beyond Cloud Run: where a connector exists that they may use, or where something of ours is to be removed.
    pub others: bool,
    /// Something of ours is to be deleted, replaced or denied for the first time: an answer of minutes ago is then too old.
    pub anew: bool,
}

pub fn further_users(policy: &Policy, observed: &Observed, wanted: &[WantedConnector], now: Timestamp) -> FurtherUsers {
    let demand = decide(policy, observed, wanted, now, observed.workloads_complete());
    let stops = |required: &Required| {
        let settings = policy.for_connector(&required.connector);
        let found = listed(observed, &required.connector).flatten();
        let replaced = found.is_some_and(|found| found.state == ConnectorState::Error)
            && settings.connector.repair
            && settings.mode >= Mode::Enforce
            && required.hold_reason().is_none()
            && owned_since(policy, observed, &required.connector).is_some();
        let armed =
            || infra_rule(policy, observed, &required.connector).is_some_and(|(stamp, _)| stamp.armed.is_some());
        let denied = settings.firewall.enforcement == Enforcement::Enforce && settings.mode >= Mode::Create;
        found.is_some() && (replaced || denied && !armed())
    };
    let anew = !demand.unused.is_empty() || demand.connectors.iter().any(stops);
    let removes = !demand.unused.is_empty() || !demand.idle.is_empty();
    let under_way = observed.jobs.iter().flatten().any(|job| job.executing);
    // Where rules of ours stand, a deny may come next, though the list may not show the connector yet.
    let has_rules = |required: &Required| infra_rule(policy, observed, &required.connector).is_some();
    let exists = observed.connectors.iter().flatten().next().is_some() || demand.connectors.iter().any(has_rules);
    FurtherUsers { executions: under_way || removes || anew, others: exists || removes, anew }
}

/// A refused deploy that names a connector, else one whose entry does not say which it names.
fn failed_deploy<'a>(observed: &'a Observed, connector: &ConnectorRef) -> Option<&'a FailedDeploy> {
    let names_it = |failed: &&FailedDeploy| {
        failed.connector.as_ref().is_some_and(|named| {
            named.name == connector.name && (named.project == connector.project || named.project.is_number())
        })
    };
    let failed = || observed.failed.iter();
    failed().find(names_it).or_else(|| failed().find(|one| one.connector.is_none()))
}

/// Whether a connector sent traffic in the last seven days, or that could not be read for now.
fn may_send(observed: &Observed, connector: &ConnectorRef) -> bool {
    match &observed.traffic {
        Some(Ok(series)) => traffic::is_busy(series, connector),
        Some(Err(failure)) => failure.kind == FailureKind::Transient,
        None => false,
    }
}

/// Since when a subnet of ours stands for a connector; of several the latest.
pub fn owned_since(policy: &Policy, observed: &Observed, connector: &ConnectorRef) -> Option<Timestamp> {
    let own = stamped(policy, observed).into_iter().filter(|(named, ..)| named == connector);
    own.filter_map(|(.., subnet)| subnet.created()).max()
}

/// Since when nothing uses a connector, by the mark on its infra rule.
pub fn unused_since(policy: &Policy, observed: &Observed, connector: &ConnectorRef) -> Option<Timestamp> {
    infra_rule(policy, observed, connector).and_then(|(stamp, _)| stamp.unused)
}

/// A connector of the target in the list; `None` = the list was not read, `Some(None)` = it is not there.
pub fn listed<'a>(observed: &'a Observed, connector: &ConnectorRef) -> Option<Option<&'a Connector>> {
    let connectors = observed.connectors.as_ref().ok()?;
    Some(connectors.iter().find(|found| last_segment(&found.name) == connector.name.as_str()))
}

struct Draft<'a> {
    target: &'a Target,
    policy: &'a Policy,
    now: Timestamp,
    unread: Option<&'static str>,
    complete: bool,
    found: BTreeMap<ConnectorRef, Required>,
    blocked_by: Vec<Note>,
    findings: Vec<Note>,
}

impl Draft<'_> {
    fn own(&self, name: &ConnectorName) -> ConnectorRef {
        ConnectorRef { project: self.target.project.clone(), region: self.target.region.clone(), name: name.clone() }
    }

    fn require(&mut self, connector: ConnectorRef, by: Requirer, egress: Egress) -> &mut Required {
        let exempt =
            self.exemption(|entry| entry.connector.as_ref().is_some_and(|glob| pattern::names(glob, &connector)));
        let unread = self.unread;
        let required = self.found.entry(connector.clone()).or_insert_with(|| Required {
            connector,
            by: Vec::new(),
            users: Vec::new(),
            egress: Egress::PrivateRangesOnly,
            frozen: exempt,
            unread,
        });
        required.by.push(by);
        if egress == Egress::AllTraffic {
            required.egress = egress;
        }
        required
    }

    fn workload(&mut self, workload: &Workload, observed: &Observed) {
        let Some(name) = &workload.connector else {
            // What an execution says, its job says too.
            if !workload.direct.is_empty() && workload.kind != WorkloadKind::Execution {
                self.findings.push(text::connector::direct_vpc(workload));
            }
            return;
        };
        match ConnectorRef::parse(name, &self.target.project, &self.target.region) {
            Ok(mut connector) => {
                if connector.project.is_number() {
                    match observed.projects.get(&connector.project) {
                        Some(Ok(id)) => connector.project = id.clone(),
                        Some(Err(failure)) if failure.is_absent() => {
                            self.blocked_by.push(text::connector::unknown_project(workload, &connector.project));
                            return;
                        }
                        // Nothing can be said of it; the failed read is told.
                        Some(Err(_)) | None => return,
                    }
                }
                let label = workload.ignored.then(|| format!("{workload} bears the label egress-reconciler=ignore"));
                let exempt = self.exemption(|entry| {
                    entry.workload.as_ref().is_some_and(|glob| pattern::matches(glob, &workload.name))
                });
                let by = match workload.kind {
                    WorkloadKind::Job
                    | WorkloadKind::Service
                    | WorkloadKind::WorkerPool
                    | WorkloadKind::Instance
                    | WorkloadKind::Execution => Requirer::Workload,
                    WorkloadKind::Function | WorkloadKind::Version | WorkloadKind::Project => Requirer::Further,
                };
                let required = self.require(connector, by(workload.to_string()), workload.egress);
                let Workload { kind, name, egress, .. } = workload;
                required.users.push(PathUser { kind: *kind, name: name.clone(), project: None, egress: Some(*egress) });
                required.frozen = required.frozen.take().or(label).or(exempt);
            }
            Err(error) => self.blocked_by.push(text::connector::bad_reference(workload, &error)),
        }
    }

    /// A wanted connector counts only where the list, read without error, lacks it and the policy lets it be made.
    fn wanted(&mut self, wanted: &WantedConnector, observed: &Observed) {
        let mut connector = wanted.connector.clone();
        if let Some(Ok(id)) = observed.projects.get(&connector.project) {
            connector.project = id.clone();
        }
        let settings = self.policy.for_connector(&connector);
        let name_allowed = settings.connector.names.iter().any(|glob| pattern::names(glob, &connector));
        if !self.target.has(&connector) || !matches!(listed(observed, &connector), Some(None)) {
            return;
        }
        if name_allowed {
            self.require(connector, Requirer::Wanted(wanted.workload.clone()), wanted.egress);
        } else {
            self.blocked_by.push(text::connector::name_not_allowed(&connector, &settings.connector.names));
        }
    }

    /// A user counts wherever it lives.
    fn used(&mut self, used: &Required) {
        for by in &used.by {
            let required = self.require(used.connector.clone(), by.clone(), used.egress);
            required.frozen = required.frozen.take().or_else(|| used.frozen.clone());
        }
        if let Some(required) = self.found.get_mut(&used.connector) {
            required.users.extend(used.users.iter().cloned());
        }
    }

    /// Projects out of scope that Google says use a connector. What they send through it is not known.
    fn connected(&mut self, observed: &Observed) {
        for found in observed.connectors.iter().flatten() {
            let Ok(connector) = ConnectorRef::try_from(found.name.clone()) else { continue };
            let scope = self.policy.scope.all();
            let others = found.connected_projects.iter().filter(|project| {
                **project != connector.project.as_str() && !scope.iter().any(|own| own.as_str() == **project)
            });
            for project in others {
                let by = Requirer::Further(format!("project {project}"));
                let user = PathUser { kind: WorkloadKind::Project, name: project.clone(), project: None, egress: None };
                self.require(connector.clone(), by, Egress::default()).users.push(user);
            }
        }
    }

    fn stamped(&mut self, connector: ConnectorRef, stamp: &Stamp, subnet: &Subnet, observed: &Observed) {
        let stands = matches!(listed(observed, &connector), Some(Some(_)));
        let fresh = subnet.created().is_some_and(|created| self.now.duration_since(created) < STAMP_COUNTS_FOR);
        // What nothing uses is not made again on a subnet that its replacement left.
        if stands || fresh && unused_since(self.policy, observed, &connector).is_none() {
            let egress = match stamp.egress.as_deref() {
                Some("all-traffic") => Egress::AllTraffic,
                _ => Egress::PrivateRangesOnly,
            };
            self.require(connector, Requirer::Stamp, egress);
        }
    }

    /// A connector of ours that bills though no workload that was read names it, and the policy does not declare it.
    fn idle(&self, required: &Required, observed: &Observed) -> Option<Note> {
        let connector = &required.connector;
        let found = listed(observed, connector)??;
        let all = stamped(self.policy, observed).into_iter().filter(|(of, ..)| of == connector);
        let on = found.subnet.as_ref().map(|form| form.name.as_str());
        let subnet = all.map(|(.., subnet)| subnet).find(|subnet| Some(subnet.name.as_str()) == on)?;
        let is_idle = required.by.iter().all(|by| *by == Requirer::Stamp)
            && required.frozen.is_none()
            && matches!(found.state, ConnectorState::Ready | ConnectorState::Creating | ConnectorState::Updating)
            && found.connected_projects.iter().all(|project| *project == connector.project.as_str())
            && observed.workloads_complete()
            && numbers(observed, &[]).iter().all(|number| matches!(observed.projects.get(number), Some(Ok(_))));
        // Until then it asks for a connector that is gone.
        let fresh = subnet.created().is_some_and(|created| self.now.duration_since(created) < STAMP_COUNTS_FOR);
        let subnet = fresh.then_some((subnet, &observed.network_name.project));
        let settings = self.policy.for_connector(connector);
        let pruned = settings.connector.prune == Prune::SevenDays && settings.mode == Mode::Enforce;
        let is_unknown = !observed.unseen().is_empty() || observed.missing_revisions().next().is_some();
        let removal = match (is_unknown, pruned) {
            (true, _) => Removal::UsersUnknown,
            (false, true) => Removal::Pruned,
            (false, false) => Removal::ByHand { every_user_seen: observed.others.is_some() },
        };
        // Somebody may be about to use it.
        is_idle.then(|| match failed_deploy(observed, connector) {
            Some(failed) => text::prune::idle_after_refusal(connector, found, failed),
            None => text::prune::idle(connector, found, subnet, removal),
        })
    }

    /// What of ours nothing asks for.
    fn unreferenced(&self, observed: &Observed, wanted: &[WantedConnector]) -> Demand {
        let mut unreferenced = Demand::default();
        // Who has just been refused asks for it all the same.
        let is_asked_for = |connector: &ConnectorRef| {
            wanted.iter().any(|wanted| wanted.connector.name == connector.name)
                || failed_deploy(observed, connector).is_some()
        };
        for connector in self.stamped_for(observed) {
            let required = self.found.get(&connector);
            if required.is_some_and(|required| required.by.iter().any(|by| *by != Requirer::Stamp)) {
                continue;
            }
            let stands = !matches!(listed(observed, &connector), Some(None));
            if self.may_go(observed, &connector) {
                // Between a job's deletion and its next deploy there may be seconds: only a mark tells of days.
                let since = unused_since(self.policy, observed, &connector);
                let is_early = since.is_none_or(|since| self.now.duration_since(since) < PRUNED_AFTER);
                match (is_early || is_asked_for(&connector) || may_send(observed, &connector)) && stands {
                    true => unreferenced.idle.push(connector),
                    false => unreferenced.unused.push(connector),
                }
            } else if required.is_none() && !stands {
                unreferenced.left_over.push(connector);
            }
        }
        unreferenced
    }

    /// Connectors of the target for which a subnet or a firewall rule of ours stands.
    fn stamped_for(&self, observed: &Observed) -> BTreeSet<ConnectorRef> {
        let subnets = stamped(self.policy, observed).into_iter().map(|(connector, ..)| connector);
        let rules = observed.firewalls.iter().flatten();
        let rules = rules.filter_map(|rule| rule_stamp(self.policy, observed, rule)?.purpose?.try_into().ok());
        subnets.chain(rules).filter(|connector| self.target.has(connector)).collect()
    }

    /// What one look can know: every kind of user was read and understood, none names it, and no other project is connected
    /// to it. For how long, a mark tells of a connector that stands, and the age of what it left behind of one that
    /// is gone.
    fn may_go(&self, observed: &Observed, connector: &ConnectorRef) -> bool {
        let settings = self.policy.for_connector(connector);
        // What nothing may delete is kept whole, with the line in our gateway's list, which is the target's to change.
        let held = settings.mode == Mode::Create || self.policy.for_target(self.target).mode < settings.mode;
        if settings.connector.prune != Prune::SevenDays || held {
            return false;
        }
        let Ok(_) = &observed.subnets else { return false };
        let is_old = |created: Option<Timestamp>| created.is_some_and(|at| self.now.duration_since(at) >= PRUNED_AFTER);
        let all = stamped(self.policy, observed).into_iter();
        let subnets: Vec<&Subnet> = all.filter(|(of, ..)| of == connector).map(|(.., subnet)| subnet).collect();
        let mut created: Vec<_> = subnets.iter().map(|subnet| subnet.created()).collect();
        if created.is_empty() {
            created.extend(stamped_rules(self.policy, observed, connector).iter().map(|rule| rule.created()));
        }
        let nobody_elses = match listed(observed, connector) {
            None => false,
            Some(None) => true,
            // The second proof of ownership is written first.
            Some(Some(found)) => {
                let on = found.subnet.as_ref().map(|form| form.name.as_str());
                subnets.iter().any(|subnet| Some(subnet.name.as_str()) == on)
                    && found.connected_projects.iter().all(|project| *project == connector.project.as_str())
                    && infra_rule(self.policy, observed, connector).is_some()
            }
        };
        let exempt =
            self.exemption(|entry| entry.connector.as_ref().is_some_and(|glob| pattern::names(glob, connector)));
        nobody_elses
            && self.complete
            && numbers(observed, &[]).iter().all(|number| matches!(observed.projects.get(number), Some(Ok(_))))
            && exempt.is_none()
            // Of one that exists its mark tells for how long nothing has asked for it, also when it is gone since.
            && (matches!(listed(observed, connector), Some(Some(_)))
                || is_old(unused_since(self.policy, observed, connector))
                || created.into_iter().all(is_old))
    }

    fn exemption(&self, names_it: impl Fn(&super::policy::Exemption) -> bool) -> Option<String> {
        let today = self.now.to_zoned(jiff::tz::TimeZone::UTC).date();
        self.policy
            .exemptions
            .iter()
            .filter(|entry| entry.project.as_ref().is_none_or(|project| *project == self.target.project))
            .filter(|entry| entry.region.as_ref().is_none_or(|region| *region == self.target.region))
            .filter(|entry| today <= entry.until)
            .find(|entry| names_it(entry))
            .map(|entry| format!("exempted until {}: {}", entry.until, entry.reason))
    }
}
