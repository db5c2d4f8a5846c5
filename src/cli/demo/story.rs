//! The story, chapter by chapter.

use super::{
    proofs::Proofs,
    stage::{CONNECTOR, REGION, Stage, draw_plan, draw_report},
};
use crate::{
    cli::{exit::Failure, print},
    domain::{
        plan::{EgressState, Verb},
        planner::break_glass::DenySelector,
        report::{Outcome, Report},
        stamp::RELEASED_FOR,
    },
    reconcile::break_glass::BreakGlass,
};

const ALICE: &str = "alice@example.com";

/// Tells it, and checks each claim on the way.
pub async fn tell(stage: &mut Stage, proofs: &mut Proofs) -> Result<(), Failure> {
    opening(stage)?;
    refused(stage, proofs).await?;
    completed(stage, proofs).await?;
    broken_and_mended(stage, proofs).await?;
    shadowed(stage, proofs).await?;
    released(stage, proofs).await?;
    again(stage, proofs).await
}

fn say(text: &str) -> Result<(), Failure> {
    Ok(print::out(&format!("{text}\n"))?)
}

fn chapter(title: &str) -> Result<(), Failure> {
    say(&format!("\n{title}\n{}", "-".repeat(title.len())))
}

fn is_scoped(report: &Report) -> bool {
    report.egress.iter().any(|egress| egress.state == EgressState::Scoped)
}

fn deny() -> String {
    format!("deny-{CONNECTOR}-{REGION}-egress")
}

fn opening(stage: &Stage) -> Result<(), Failure> {
    chapter("A project whose jobs cannot get out")?;
    say(&format!(
        "A simulated Google listens on http://{}, the service on http://{}.
Project demo-project has a network my-vpc with a default route: no NAT, no connector, no rule.
The policy: mode enforce, enforcement enforce, rearm at-once, region {REGION}.",
        stage.google, stage.service
    ))
}

async fn refused(stage: &mut Stage, proofs: &mut Proofs) -> Result<(), Failure> {
    chapter("A deploy is refused, and the service hears of it")?;
    let (status, answer) = stage.alice.deploy().await?;
    let message = answer["error"]["message"].as_str().unwrap_or_default();
    say(&format!(
        "$ gcloud run jobs deploy nightly-export --vpc-connector={CONNECTOR} --vpc-egress=all-traffic
{status}: {message}

The failed audit entry reaches the service as a Pub/Sub push. It plans:
"
    ))?;
    proofs.check(
        "Cloud Run refused a deploy whose connector is missing",
        status.is_client_error() && message.contains("does not exist"),
    );
    let plan = stage.plan().await?;
    say(&draw_plan(&plan))?;
    say("It does so, side by side where nothing depends on the other, the deny last:")?;
    let report = stage.report(|report| report.changed()).await?;
    say(&format!(
        "\nIt publishes a report and acknowledges the event without waiting for the connector:\n\n{}",
        draw_report(&report)
    ))?;
    let created = report.steps.iter().filter(|step| step.verb == Verb::Create && step.is_done()).count();
    proofs.check(
        "subnet, connector, router with NAT and five rules were created, each once",
        created == 8 && stage.calls(0).1.len() == 9,
    );
    proofs.check("the deny was written after every allow was in place", deny_came_last(&report));
    proofs.check("the report waits for the connector", report.outcome == Outcome::Waiting);
    Ok(())
}

fn deny_came_last(report: &Report) -> bool {
    let created: Vec<_> = report.steps.iter().filter(|step| step.verb == Verb::Create).collect();
    created.last().is_some_and(|step| step.step.name.ends_with(&deny()))
}

async fn completed(stage: &mut Stage, proofs: &mut Proofs) -> Result<(), Failure> {
    chapter("The connector is ready, and its completion event starts the next run")?;
    let report = stage.report(|report| report.waiting_on.is_empty() && is_scoped(report)).await?;
    say(&draw_report(&report))?;
    proofs.check("the completion entry led to a report of a scoped path", report.outcome == Outcome::InSync);
    let (status, _) = stage.alice.deploy().await?;
    say(&format!("The same deploy again: {status}."))?;
    proofs.check("the same deploy now succeeds", status.is_success());
    Ok(())
}

async fn broken_and_mended(stage: &mut Stage, proofs: &mut Proofs) -> Result<(), Failure> {
    chapter("A user disables our deny rule, and clears our router")?;
    let rule = format!("firewall/{}", deny());
    stage.alice.disable_rule(&deny()).await?;
    let report =
        stage.report(|report| report.steps.iter().any(|step| step.is_done() && step.step.to_string() == rule)).await?;
    say(&format!("\n{}", draw_report(&report)))?;
    proofs.check(
        "the disabled deny was put back, and the report names who did it",
        names(&report, ALICE) && is_scoped(&report),
    );

    let router = format!("egress-my-vpc-{REGION}");
    let step_id = format!("router/{router}");
    stage.alice.clear_nats(&router).await?;
    let report = stage
        .report(|report| report.steps.iter().any(|step| step.is_done() && step.step.to_string() == step_id))
        .await?;
    say(&format!("\n{}", draw_report(&report)))?;
    proofs.check("the cleared NAT was put back, and the report names who did it", names(&report, ALICE));
    Ok(())
}

fn names(report: &Report, who: &str) -> bool {
    report.steps.iter().any(|step| step.reason.contains(who))
}

async fn shadowed(stage: &mut Stage, proofs: &mut Proofs) -> Result<(), Failure> {
    chapter("Alice allows all egress, ahead of our deny rule")?;
    let calls = stage.calls_so_far();
    stage.alice.allow_everything("alice-opens").await?;
    let by_alice = |report: &Report| {
        report.egress.iter().any(|e| e.state == EgressState::Shadowed && e.by.as_deref() == Some("alice-opens"))
    };
    let report = stage.report(by_alice).await?;
    say(&draw_report(&report))?;
    proofs.check("a foreign allow above our deny is reported as shadowing it", true);
    stage.alice.delete_rule("alice-opens").await?;
    let report = stage.report(is_scoped).await?;
    say(&format!("Alice removes the rule:\n\n{}", draw_report(&report)))?;
    proofs.check(
        "no rule of others was changed, and without it the path is scoped again",
        stage.calls(calls).1.is_empty(),
    );
    Ok(())
}

async fn released(stage: &mut Stage, proofs: &mut Proofs) -> Result<(), Failure> {
    chapter("3 a.m.: the person on call takes our deny down, and puts it back")?;
    let pick = DenySelector::default();
    let order = BreakGlass { pick: &pick, by: ALICE, dry_run: false };
    let is_down = |report: &Report| report.egress.iter().any(|egress| egress.state == EgressState::Disarmed);
    say("$ egress-reconciler release\n")?;
    stage.app.engine.release(order, RELEASED_FOR).await;
    let report = stage.report(is_down).await?;
    say(&format!("\n{}", draw_report(&report)))?;
    let calls = stage.calls_so_far();
    // Any event of the region makes the service look again.
    let entries = stage.audit_entries();
    let deploy = entries.iter().rfind(|entry| entry["protoPayload"]["serviceName"] == "run.googleapis.com");
    if let Some(entry) = deploy {
        stage.alice.deliver(entry).await?;
        stage.report(is_down).await?;
    }
    say("The next event is heard, the service looks, and leaves it down although the policy says rearm at-once.")?;
    proofs.check("a released deny stays down, and reports say who and since when", stage.calls(calls).1.is_empty());
    say("\n$ egress-reconciler rearm\n")?;
    stage.app.engine.rearm(order).await;
    let report = stage.report(is_scoped).await?;
    say(&format!("\n{}", draw_report(&report)))?;
    proofs.check("rearm put it back, and the path is scoped again", report.outcome == Outcome::Changed);
    Ok(())
}

async fn again(stage: &mut Stage, proofs: &mut Proofs) -> Result<(), Failure> {
    chapter("Every event once more")?;
    let (entries, calls) = (stage.audit_entries(), stage.calls_so_far());
    let mut answers = Vec::new();
    for entry in &entries {
        answers.push(stage.alice.deliver(entry).await?);
    }
    let (reads, writes) = stage.calls(calls);
    say(&format!("{} entries delivered again: {} reads, {} writes.", entries.len(), reads.len(), writes.len()))?;
    proofs.check("the same events again led to no write", writes.is_empty() && !reads.is_empty());
    proofs.check("every delivery was answered 204", answers.iter().all(|status| status.as_u16() == 204));
    Ok(())
}
