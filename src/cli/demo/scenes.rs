//! The demo in four scenes: what happened, what the service did and when, and what the job reaches before and after.

use std::{
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use indicatif::ProgressBar;

use super::stage::{CONNECTOR, REGION, Stage};
use crate::{
    cli::{exit::Failure, print, table::plain},
    domain::{
        explain::{Fate, HopKind},
        plan::{Change, EgressState, Object, Plan},
        report::{Outcome, Report},
    },
};

const ALICE: &str = "alice@example.com";
/// A host of the documentation's network (RFC 5737), with what the policy allows and what it does not.
const HOST: &str = "198.51.100.7";
const HTTPS: &str = "443";
const SSH: &str = "22";

/// Plays all of them; whether each ended as it should.
pub async fn play(stage: &mut Stage) -> Result<bool, Failure> {
    let scenes =
        [first_deploy(stage).await?, deny_disabled(stage).await?, shadowed(stage).await?, nat_gone(stage).await?];
    Ok(scenes.iter().all(|as_expected| *as_expected))
}

fn say(text: &str) -> Result<(), Failure> {
    Ok(print::out(&format!("{}\n", plain(text)))?)
}

fn title(text: &str) -> Result<(), Failure> {
    print::out("\n")?;
    say(text)
}

fn since(begun: Instant) -> String {
    format!("+{:.1} s", begun.elapsed().as_secs_f64())
}

async fn first_deploy(stage: &mut Stage) -> Result<bool, Failure> {
    title(&format!("1. alice deploys the job nightly-export with --vpc-connector={CONNECTOR}, which does not exist"))?;
    let begun = Instant::now();
    let (status, _) = stage.alice.deploy().await?;
    say("   Cloud Run refuses the deploy: no path exists")?;
    let plan = stage.plan().await?;
    say(&format!("   {}  the service has read the audit entry and plans:", since(begun)))?;
    for line in rows(&plan) {
        say(&format!("      {line}"))?;
    }
    let countdown = countdown();
    let report = stage.quiet_report(|report| report.waiting_on.is_empty() && is(report, EgressState::Scoped)).await;
    countdown.finish_and_clear();
    let deployed = stage.alice.deploy().await?.0.is_success();
    let (https, ssh) = (stage.fate(HOST, HTTPS).await?, stage.fate(HOST, SSH).await?);
    say(&format!("   {}  done, the deny rule last; the same deploy succeeds", since(begun)))?;
    say(&format!("   nightly-export → {HOST}:{HTTPS} no path → {https}, → {HOST}:{SSH} no path → {ssh}"))?;
    let ended = matches!(report?.outcome, Outcome::InSync | Outcome::Changed) && status.is_client_error() && deployed;
    Ok(ended && (https, ssh) == (Fate::Open, Fate::Stopped))
}

/// What will be created, with what matters most of each.
fn rows(plan: &Plan) -> Vec<String> {
    let row = |change: &Change| {
        let object = change.object();
        let what = match object {
            Object::Subnet(subnet) => format!("{} of network my-vpc", subnet.ip_cidr_range),
            Object::Connector(connector) => {
                let count = |count: Option<u32>| count.unwrap_or_default();
                let (from, to) = (count(connector.min_instances), count(connector.max_instances));
                format!("{from} to {to} {} instances", connector.machine_type)
            }
            Object::Router(_) => "with Cloud NAT for that subnet".to_owned(),
            Object::Firewall(rule) => format!("priority {}, allows {}", rule.priority, rule.managed()["allowed"]),
            Object::Network(_) => String::new(),
        };
        format!("+ {:<9} {:<44} {what}", object.kind().word(), object.name())
    };
    let last = plan.withheld.iter().map(|held| {
        format!("+ {:<9} {:<44} last, when every allow is in place", held.step.kind.word(), held.step.name)
    });
    plan.steps.iter().map(|step| row(&step.change)).chain(last).collect()
}

/// On a terminal, something moves while the connector is made.
fn countdown() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_message("Google makes the connector");
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn is(report: &Report, state: EgressState) -> bool {
    report.egress.iter().any(|egress| egress.state == state)
}

fn has_done(report: &Report, step: &str) -> bool {
    report.steps.iter().any(|done| done.is_done() && done.step.to_string() == step)
}

async fn deny_disabled(stage: &mut Stage) -> Result<bool, Failure> {
    let deny = format!("deny-{CONNECTOR}-{REGION}-egress");
    title(&format!("2. alice disables the rule {deny}"))?;
    let before = stage.fate(HOST, SSH).await?;
    stage.hold_events().await;
    stage.alice.disable_rule(&deny).await?;
    let during = stage.changed_fate(HOST, SSH, before).await?;
    let begun = stage.release_events();
    let report = stage.quiet_report(|report| has_done(report, &format!("firewall/{deny}"))).await?;
    let after = stage.fate(HOST, SSH).await?;
    let by = report.steps.iter().any(|step| step.reason.contains(ALICE));
    say(&format!("   {}  the service enables it again and reports who disabled it: {ALICE}", since(begun)))?;
    say(&format!("   nightly-export → {HOST}:{SSH} {before} → {during} → {after}"))?;
    Ok(by && (before, during, after) == (Fate::Stopped, Fate::Open, Fate::Stopped))
}

async fn shadowed(stage: &mut Stage) -> Result<bool, Failure> {
    title("3. alice adds a rule of her own that allows all egress, ahead of the deny rule")?;
    let before = stage.fate(HOST, SSH).await?;
    let (writes, begun) = (stage.calls(0).1.len(), Instant::now());
    stage.alice.allow_everything("alice-opens").await?;
    stage.quiet_report(|report| is(report, EgressState::Shadowed)).await?;
    let during = stage.fate(HOST, SSH).await?;
    say(&format!("   {}  the service reports that alice-opens shadows the deny, and does not touch it", since(begun)))?;
    stage.alice.delete_rule("alice-opens").await?;
    stage.quiet_report(|report| is(report, EgressState::Scoped)).await?;
    let after = stage.fate(HOST, SSH).await?;
    say(&format!("   nightly-export → {HOST}:{SSH} {before} → {during}; alice deletes her rule → {after}"))?;
    let untouched = stage.calls(0).1.len() == writes;
    Ok(untouched && (before, during, after) == (Fate::Stopped, Fate::Open, Fate::Stopped))
}

async fn nat_gone(stage: &mut Stage) -> Result<bool, Failure> {
    let router = format!("egress-my-vpc-{REGION}");
    title(&format!("4. alice removes Cloud NAT from the router {router}"))?;
    let before = stage.fate(HOST, HTTPS).await?;
    stage.hold_events().await;
    stage.alice.clear_nats(&router).await?;
    let during = stage.changed_fate(HOST, HTTPS, before).await?;
    let begun = stage.release_events();
    let step = stage.step(&format!("router/{router}")).await?;
    let after = stage.fate(HOST, HTTPS).await?;
    say(&format!("   {}  the service restores it: {}", since(begun), step.reason))?;
    say(&format!("   nightly-export → {HOST}:{HTTPS} {before} → {during} → {after}"))?;
    Ok((before, during, after) == (Fate::Open, Fate::NoWay(HopKind::Nat), Fate::Open))
}
