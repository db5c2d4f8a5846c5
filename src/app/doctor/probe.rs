//! Sends a probe by the way of every event, and waits for its report.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::Doctor;
use crate::{
    domain::{
        doctor::{Line, delivery::project_of, probe},
        names::last_segment,
        policy::Mode,
        target::Target,
    },
    google::error::CallError,
};

const EVERY: Duration = Duration::from_millis(500);

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Pulled {
    received_messages: Vec<Received>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Received {
    message: Message,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    data: String,
}

impl Message {
    fn report(&self) -> Option<Value> {
        serde_json::from_slice(&BASE64.decode(&self.data).ok()?).ok()
    }
}

impl Doctor {
    /// Publishes a synthetic entry to the events' topic and waits for the report of its run: a run like any other, which
    /// does what the policy lets it do. It is heard by a subscription of its own, which is taken away again.
    pub async fn probe(&self, target: &Target, patience: Duration) -> Line {
        if self.policy.for_target(target).mode == Mode::Off {
            return probe::not_sent(target, "under `mode: off` nothing is reported", "set `mode: report` or more");
        }
        let Some(reports) = self.report_topic() else {
            let why = "there is no report topic to listen to";
            return probe::not_sent(target, why, "set `reports.topic` in the policy, or --report-topic");
        };
        let Some(events) = self.event_topic().await else {
            let why = "the topic that events come by is not known";
            return probe::not_sent(target, why, "egress-reconciler doctor --probe --sink projects/P/sinks/S");
        };
        let id = (self.ids)().simple().to_string()[..12].to_owned();
        let (project, ear) = (project_of(reports), format!("egress-reconciler-probe-{id}"));
        // Should we die, Pub/Sub takes it away after the shortest time it knows.
        let body = json!({"topic": reports, "ackDeadlineSeconds": 60, "expirationPolicy": {"ttl": "86400s"}});
        if let Err(error) = self.client.create_subscription(project, &ear, &body).await {
            return refused(target, &error, "roles/pubsub.editor", project);
        }
        let line = self.ask(target, &events, (project, &ear), &id, patience).await;
        if let Err(error) = self.client.delete_subscription(project, &ear).await {
            tracing::warn!(%error, subscription = ear, "a subscription is left behind; it expires in a day");
        }
        line
    }

    async fn ask(
        &self,
        target: &Target,
        events: &str,
        (project, ear): (&str, &str),
        id: &str,
        patience: Duration,
    ) -> Line {
        let now = (self.now)();
        let data = BASE64.encode(probe::entry(target, id, now).to_string());
        let attributes = json!({"logging.googleapis.com/timestamp": now});
        let begun = Instant::now();
        let sent = self.client.publish(project_of(events), last_segment(events), &data, &attributes).await;
        if let Err(error) = sent {
            return refused(target, &error, "roles/pubsub.publisher", project_of(events));
        }
        while begun.elapsed() < patience {
            let pulled = match self.client.pull::<Pulled>(project, ear, 100).await {
                Ok(pulled) => pulled,
                Err(error) => return refused(target, &error, "roles/pubsub.editor", project),
            };
            let mut reports = pulled.received_messages.iter().filter_map(|received| received.message.report());
            if let Some(report) = reports.find(|report| probe::is_answer(report, id)) {
                return probe::line(target, Some((&report, begun.elapsed())), patience);
            }
            sleep(EVERY).await;
        }
        probe::line(target, None, patience)
    }
}

fn refused(target: &Target, error: &CallError, role: &str, project: &str) -> Line {
    let fix = format!("gcloud projects add-iam-policy-binding {project} --member=user:YOU --role={role}");
    probe::not_sent(target, &error.to_string(), &fix)
}
