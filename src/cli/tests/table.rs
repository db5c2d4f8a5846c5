//! Small plans and reports made by hand, and how they look.

use insta::assert_snapshot;

use crate::{
    cli::{
        progress::waiting,
        table::{Look, plain, render_plan, render_report},
    },
    domain::{
        codes::Code,
        names::{ConnectorName, ConnectorRef, NetworkRef, ProjectId, Region, ResourceName},
        plan::{
            Change, EgressState, FieldDiff, HoldReason, Kind, Note, Object, ObjectId, PathEgress, Plan, Step, Verb,
            Withheld,
        },
        policy::Mode,
        report::{Outcome, QuotaWait, Report, StepOutcome, StepReport},
        state::{firewall::Firewall, subnet::Subnet},
        summary::summary,
        target::Target,
    },
};

const LOOK: Look<'_> = Look { width: Some(100), ..Look::PLAIN };

fn target() -> Target {
    Target { project: ProjectId::parse("demo-project").unwrap(), region: Region::parse("europe-west2").unwrap() }
}

fn connector() -> ConnectorRef {
    let Target { project, region } = target();
    ConnectorRef { project, region, name: ConnectorName::parse("conn").unwrap() }
}

fn note(code: Code, object: &str, by: Option<&str>, text: &str) -> Note {
    Note { code, object: object.into(), by: by.map(Into::into), text: text.into() }
}

fn egress(state: EgressState, by: Option<&str>) -> PathEgress {
    PathEgress::of_connector(connector(), state, by.map(Into::into))
}

fn plan() -> Plan {
    let Target { project, .. } = target();
    Plan::empty(target(), NetworkRef { project, name: ResourceName::parse("my-vpc").unwrap() })
}

pub fn report(outcome: Outcome) -> Report {
    let at = "2026-01-02T03:04:05Z".parse().unwrap();
    Report {
        id: "00000000-0000-0000-0000-000000000000".into(),
        target: Some(target()),
        outcome,
        summary: String::new(),
        mode: Mode::Enforce,
        dry_run: false,
        policy_hash: "0123456789abcdef".into(),
        triggers: Vec::new(),
        more_triggers: 0,
        snapshot_at: None,
        started: at,
        decided: at,
        done: at,
        rounds: 0,
        steps: Vec::new(),
        withheld: Vec::new(),
        egress: Vec::new(),
        waiting_on: Vec::new(),
        blocked_by: Vec::new(),
        findings: Vec::new(),
        rejected: None,
        calls: Default::default(),
        quota_wait: None,
        transient: false,
    }
}

fn full_plan() -> Plan {
    let subnet = Object::Subnet(Subnet {
        name: "egress-conn-europe-west2".into(),
        network: "projects/demo-project/global/networks/my-vpc".into(),
        ip_cidr_range: "10.8.0.0/28".into(),
        ..Subnet::default()
    });
    let rule = Firewall { name: "allow-conn-europe-west2-egress".into(), ..Firewall::default() };
    let repair = Change::Repair { before: Object::Firewall(rule.clone()), after: Object::Firewall(rule) };
    let diff = FieldDiff { field: "priority".into(), before: "930".into(), after: "1000".into() };
    let step = |change: Change, after: &[ObjectId], reason: &str, diff: Vec<FieldDiff>| Step {
        id: change.after().unwrap().id(),
        after: after.to_vec(),
        change,
        reason: reason.into(),
        diff,
    };
    let first = subnet.id();
    Plan {
        steps: vec![
            step(Change::Create(subnet), &[], "connector conn needs a /28 of its own; 10.8.0.0/28 is free", Vec::new()),
            step(repair, &[first], "priority changed by mallory@example.com", vec![diff]),
        ],
        withheld: vec![Withheld {
            step: Kind::Firewall.named("deny-conn-europe-west2-egress"),
            verb: Verb::Create,
            why: HoldReason::AllowsFirst,
            text: "the deny waits until a later look finds every allow standing".into(),
            reason: String::new(),
            diff: Vec::new(),
            after: None,
        }],
        waiting_on: vec![note(Code::ConnectorCreating, "connector/conn", None, "connector conn is being created")],
        blocked_by: vec![note(
            Code::Shadowed,
            "connector/conn",
            Some("allow-all"),
            "allow-all lets connector conn out",
        )],
        findings: vec![note(
            Code::DirectVpc,
            "job/export",
            Some("alice@example.com"),
            "job/export uses Direct VPC egress",
        )],
        egress: vec![egress(EgressState::Shadowed, Some("allow-all"))],
        ..plan()
    }
}

#[test]
fn a_plan() {
    assert_snapshot!(render_plan(&full_plan(), Mode::Enforce, LOOK));
}

#[test]
fn a_plan_with_nothing_to_do() {
    let plan = Plan { egress: vec![egress(EgressState::Scoped, None)], ..plan() };
    assert_snapshot!(render_plan(&plan, Mode::Create, LOOK));
}

#[test]
fn a_report() {
    let step = |name: &str, outcome: StepOutcome| StepReport {
        step: ObjectId::try_from(name.to_owned()).unwrap(),
        verb: Verb::Create,
        reason: "conn needs it".into(),
        diff: Vec::new(),
        before: None,
        after: None,
        outcome,
    };
    let error = "compute.firewalls.insert was refused: 403 Required 'compute.firewalls.create' permission";
    let report = Report {
        steps: vec![
            step("subnet/egress-conn-europe-west2", StepOutcome::Done),
            step(
                "firewall/allow-conn-europe-west2-infra",
                StepOutcome::Failed { error: error.into(), transient: false },
            ),
            step(
                "firewall/deny-conn-europe-west2-egress",
                StepOutcome::Skipped { why: "depends on what failed".into() },
            ),
        ],
        egress: vec![egress(EgressState::AllowOnly, None)],
        ..report(Outcome::Failed)
    };
    assert_snapshot!(render_report(&report, LOOK));
}

/// Each report as one sentence.
#[test]
fn summaries() {
    let step = |name: &str, verb: Verb, outcome: StepOutcome| StepReport {
        step: ObjectId::try_from(name.to_owned()).unwrap(),
        verb,
        reason: String::new(),
        diff: Vec::new(),
        before: None,
        after: None,
        outcome,
    };
    let done = |name: &str| step(name, Verb::Create, StepOutcome::Done);
    let rules = ["infra", "gapi", "int"].map(|end| done(&format!("firewall/allow-conn-europe-west2-{end}")));
    let failed = StepOutcome::Failed { error: "403".into(), transient: false };
    let waiting = vec![note(Code::ConnectorCreating, "connector/conn", None, "connector conn is being created")];
    let blocked = ["a", "b"].map(|name| note(Code::Shadowed, name, None, &format!("rule {name} opens connector conn")));
    let cases = [
        report(Outcome::InSync),
        Report { dry_run: true, egress: vec![egress(EgressState::Scoped, None)], ..report(Outcome::InSync) },
        Report {
            steps: [vec![done("subnet/s"), done("connector/conn")], rules.to_vec()].concat(),
            waiting_on: waiting,
            egress: vec![egress(EgressState::AllowOnly, None)],
            ..report(Outcome::Waiting)
        },
        Report {
            steps: vec![
                step("firewall/deny-conn-europe-west2-egress", Verb::Repair, StepOutcome::Done),
                step("router/egress-my-vpc-europe-west2", Verb::Extend, failed),
                step("firewall/x", Verb::Delete, StepOutcome::Skipped { why: "no time".into() }),
            ],
            blocked_by: blocked.to_vec(),
            ..report(Outcome::Failed)
        },
        Report { target: None, ..report(Outcome::Rejected) },
    ];
    assert_snapshot!(cases.iter().map(|report| summary(report) + "\n").collect::<String>());
}

#[test]
fn a_report_of_a_policy_that_is_off() {
    assert_snapshot!(render_report(&Report { mode: Mode::Off, ..report(Outcome::InSync) }, LOOK));
}

/// What is read by a program, or on a terminal that is too narrow for two columns, has each sentence on a line of its own.
#[test]
fn no_line_is_wrapped_where_nobody_could_read_it() {
    let whole = render_plan(&full_plan(), Mode::Enforce, Look::PLAIN);
    for columns in [0, 1, 40, 60, 79] {
        assert_eq!(render_plan(&full_plan(), Mode::Enforce, Look::terminal(columns, false)), whole, "{columns}");
    }
}

#[test]
fn a_line_is_wrapped_between_words() {
    let whole = render_plan(&full_plan(), Mode::Enforce, Look::PLAIN);
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    for columns in [80, 100, 300] {
        let text = render_plan(&full_plan(), Mode::Enforce, Look::terminal(columns, false));
        assert!(text.lines().all(|line| line.chars().count() <= usize::from(columns)), "{columns}: {text}");
        assert_eq!(words(&text), words(&whole), "{columns}");
    }
}

#[test]
fn what_the_mode_holds_back_is_said_once_with_what_it_would_write() {
    let Plan { steps, .. } = full_plan();
    let held = steps.into_iter().map(|step| {
        let text = format!("{}; held back by `mode: report`", step.reason);
        Withheld::of(step, HoldReason::Mode, text)
    });
    assert_snapshot!(render_plan(&Plan { withheld: held.collect(), ..plan() }, Mode::Report, LOOK));
}

#[test]
fn what_is_true_of_many_is_said_once() {
    let idle =
        |name: &str| note(Code::Idle, &format!("connector/{name}"), None, &format!("connector {name} is unused"));
    let other = note(Code::Idle, "connector/x", None, "connector x is unused, and in error");
    let findings = vec![idle("a-1"), idle("b-2"), other, idle("c-3")];
    assert_snapshot!(render_plan(&Plan { findings, ..plan() }, Mode::Create, LOOK));
}

#[test]
fn a_long_wait_for_a_quota_is_told() {
    let metric = "compute.googleapis.com/list_requests".to_owned();
    let wait = QuotaWait { metric, project: Some("net-host".into()), seconds: 34 };
    let drawn = render_report(&Report { quota_wait: Some(wait), ..report(Outcome::InSync) }, LOOK);
    let told =
        "calls to Google waited up to 34 s for the quota compute.googleapis.com/list_requests of project net-host";
    assert!(drawn.split_whitespace().collect::<Vec<_>>().join(" ").ends_with(told), "{drawn}");
}

#[test]
fn colours_only_where_asked_for() {
    let plan = full_plan();
    let colourless = render_plan(&plan, Mode::Enforce, LOOK);
    assert!(!colourless.contains('\u{1b}'), "{colourless}");
    assert!(render_plan(&plan, Mode::Enforce, Look { colour: true, ..LOOK }).contains('\u{1b}'));
}

#[test]
fn a_terminal_is_told_nothing_by_strangers() {
    assert_eq!(plain("a\u{1b}[2Jb\r\nc\u{9b}"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\u{fffd}");
    let mut plan = plan();
    plan.findings = vec![note(Code::Idle, "job/\u{1b}]0;x\u{7}", None, "text\u{8}")];
    assert!(!render_plan(&plan, Mode::Report, LOOK).chars().any(|c| c.is_control() && c != '\n'));
}

/// A simulated cloud and a file with a space in its name: what is pasted asks the same cloud.
#[test]
fn commands_of_ours_repeat_the_flags_of_the_session() {
    let mut plan = plan();
    plan.findings = vec![note(Code::Released, "firewall/deny", None, "run `egress-reconciler rearm` when it is over")];
    let look = Look::PLAIN.with(" --cloud simulated --world 'my world.json'");
    let text = render_plan(&plan, Mode::Report, look);
    assert!(text.contains("run `egress-reconciler rearm --cloud simulated --world 'my world.json'` when"), "{text}");
}

/// Two projects wait for connectors of one name.
#[test]
fn what_is_waited_for_is_named_with_its_place() {
    let waits = |project: &str| {
        let mut waits = report(Outcome::Waiting);
        let target = Target { project: ProjectId::parse(project).unwrap(), ..target() };
        waits.target = Some(target);
        waits.waiting_on = vec![note(Code::ConnectorCreating, "connector/conn", None, "is being created")];
        waits
    };
    let (one, other) = (waits("team-b"), waits("team-a"));
    let expected = "waiting for connector/conn (team-a europe-west2), connector/conn (team-b europe-west2)";
    assert_eq!(waiting(&[&one, &other]), expected);
}
