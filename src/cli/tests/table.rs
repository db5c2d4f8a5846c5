//! Small plans and reports made by hand, and how they look.

use insta::assert_snapshot;

use crate::{
    cli::table::{Look, plain, render_plan, render_report},
    domain::{
        codes::Code,
        names::{ConnectorName, ConnectorRef, NetworkRef, ProjectId, Region, ResourceName},
        plan::{
            Change, EgressState, FieldDiff, HoldReason, Kind, Note, Object, ObjectId, PathEgress, Plan, Step, Verb,
            Withheld,
        },
        policy::Mode,
        report::{Outcome, Report, StepOutcome, StepReport},
        state::{firewall::Firewall, subnet::Subnet},
        target::Target,
    },
};

const LOOK: Look = Look { width: Look::WIDEST, colour: false };

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
        mode: Mode::Enforce,
        dry_run: false,
        policy_hash: "0123456789abcdef".into(),
        triggers: Vec::new(),
        more_triggers: 0,
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
        transient: false,
    }
}

fn full_plan() -> Plan {
    let subnet = Object::Subnet(Subnet { name: "egress-conn-europe-west2".into(), ..Subnet::default() });
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

#[test]
fn a_report_of_a_policy_that_is_off() {
    assert_snapshot!(render_report(&Report { mode: Mode::Off, ..report(Outcome::InSync) }, LOOK));
}

#[test]
fn no_line_is_wider_than_asked_for_and_nothing_is_cut() {
    for width in [40, 60, 80, Look::WIDEST] {
        let text = render_plan(&full_plan(), Mode::Enforce, Look { width, colour: false });
        for line in text.lines() {
            assert!(line.chars().count() <= usize::from(width), "{width}: {line}");
        }
        assert!(!text.contains('…'), "{text}");
    }
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
