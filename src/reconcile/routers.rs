//! Changes of a router. Its lists are replaced whole and it has no fingerprint: it is read again right before it is
//! written, our gateway alone is changed in it, and whoever wrote between the two is looked for afterwards.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{
    outcome::{WriteOutcome, may_be_made},
    races::Race,
    reads::failure,
};
use crate::{
    domain::{
        merge::{self, Merge},
        plan::{Note, Object},
        state::router::Router,
        target::Target,
        text,
    },
    google::{client::Client, error::CallError, operations::Operation},
};

/// How long a router that is being changed is waited for in all.
const MAX_WAIT: Duration = Duration::from_secs(30);
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Where a router is.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub at: &'a Target,
    pub name: &'a str,
}

impl<'a> Place<'a> {
    fn parts(self) -> (&'a str, &'a str, &'a str) {
        (self.at.project.as_str(), self.at.region.as_str(), self.name)
    }
}

/// An attempt to write that may have changed something.
struct Attempt {
    request: Uuid,
    /// How long it took from the read of the router to the answer of the write.
    took: Duration,
}

/// Who else wrote at the same moment.
#[derive(Debug, Default)]
pub(super) struct Others {
    pub races: Vec<Race>,
    /// Why that is unknown.
    pub unknown: Option<Note>,
}

/// Changes the router; and what is found out of others who wrote at the same moment.
pub(super) async fn change(
    client: &Client,
    place: Place<'_>,
    before: &Object,
    after: &Object,
    id: Uuid,
) -> (Result<WriteOutcome, CallError>, Others) {
    let mut attempts: Vec<Attempt> = Vec::new();
    let result = try_to(client, place, before, after, id, &mut attempts).await;
    let others = match attempts.is_empty() {
        true => Others::default(),
        false => others(client, place, &attempts).await,
    };
    (result, others)
}

async fn try_to(
    client: &Client,
    place: Place<'_>,
    before: &Object,
    after: &Object,
    id: Uuid,
    attempts: &mut Vec<Attempt>,
) -> Result<WriteOutcome, CallError> {
    let (project, region, name) = place.parts();
    let begun = Instant::now();
    for number in 0_u32.. {
        let asked = Instant::now();
        let now: Router = client.get_router(project, region, name).await?;
        let nats = match merge::nats(&before.document(), &after.document(), &Object::Router(now).document()) {
            Merge::Write(nats) => nats,
            Merge::Nothing => break,
            Merge::Changed(why) => return Ok(WriteOutcome::Overtaken(format!("router {name}: {why}"))),
        };
        // `nats` is replaced whole, and an empty list must be said.
        let body = json!({ "nats": nats });
        let request = Uuid::new_v5(&id, &number.to_be_bytes());
        let written = client.begin_router_patch(project, region, name, &body, request).await;
        let attempt = Attempt { request, took: asked.elapsed() };
        let error = match written {
            Ok(operation) => {
                attempts.push(attempt);
                client.end_router_patch(project, region, &operation).await?;
                return Ok(WriteOutcome::Done);
            }
            Err(error) => error,
        };
        if may_be_made(&error) {
            attempts.push(attempt);
        }
        if !error.is_transient() || begun.elapsed() + RETRY_INTERVAL > MAX_WAIT {
            return Err(error);
        }
        sleep(error.retry_after().unwrap_or(RETRY_INTERVAL).clamp(RETRY_INTERVAL, MAX_WAIT)).await;
    }
    Ok(WriteOutcome::Done)
}

/// What others did to the router between our read and our write.
async fn others(client: &Client, place: Place<'_>, attempts: &[Attempt]) -> Others {
    let (project, region, name) = place.parts();
    let operations = match client.list_router_operations(project, region, name).await {
        Ok(operations) => operations,
        Err(error) => {
            let unknown = Some(text::nat::race_unknown(name, &failure(&error), place.at));
            return Others { unknown, ..Others::default() };
        }
    };
    let own = |operation: &Operation, attempt: &Attempt| operation.client_operation_id == attempt.request.to_string();
    let mine: Vec<_> = attempts
        .iter()
        .filter_map(|attempt| Some((attempt, operations.iter().find(|operation| own(operation, attempt))?)))
        .collect();
    let mut races: Vec<Race> = Vec::new();
    for (attempt, own) in &mine {
        let Some(written) = time(&own.insert_time) else { continue };
        // By Google's clock, though ours may differ: no later than the router was asked for.
        let took = SignedDuration::try_from(attempt.took).unwrap_or_default();
        let asked = written.checked_sub(took).unwrap_or(written);
        let between = |other: &&Operation| {
            let begun = time(&other.insert_time).is_some_and(|at| at <= written);
            // What had ended by then, the read showed.
            begun && time(&other.end_time).is_none_or(|at| at > asked) && !other.has_failed()
        };
        // Another instance of this program has the same user, and so may a person on whose behalf it runs; the ids of its
        // writes are made of names.
        let of_us = |other: &Operation| {
            let id = other.client_operation_id.parse::<Uuid>();
            other.user == own.user && id.is_ok_and(|id| id.get_version() == Some(uuid::Version::Sha1))
        };
        let foreign = |other: &&Operation| !of_us(other) && !mine.iter().any(|(_, mine)| mine.name == other.name);
        for other in operations.iter().filter(foreign).filter(between) {
            let race = Race {
                at: place.at.clone(),
                router: name.to_owned(),
                by: other.user.clone(),
                operation: other.name.clone(),
                kind: other.operation_type.clone(),
                begun: other.insert_time.clone(),
            };
            if !races.contains(&race) {
                tracing::warn!(
                    router = name,
                    by = other.user,
                    operation = other.name,
                    "a router was changed by another"
                );
                races.push(race);
            }
        }
    }
    Others { races, unknown: None }
}

fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}
