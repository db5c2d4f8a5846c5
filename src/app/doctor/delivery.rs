//! Sink, topics, subscription, and the running service.

use std::time::Duration;

use bytes::Bytes;
use tokio::join;

use super::{Doctor, Service};
use crate::{
    domain::{
        audit::log_filter,
        doctor::{
            Line, delivery,
            facts::{Sink, Subscription},
            service::{self, Seen},
        },
        names::{ProjectId, last_segment},
        state::read::Read,
    },
    google::{logging::SinkOf, transport::Request},
    reconcile::reads::read,
};

impl Doctor {
    /// Projects that hold topics, a subscription or a sink.
    pub(super) fn delivery_projects(&self) -> Vec<ProjectId> {
        let asked = &self.asked;
        let paths = [self.report_topic(), asked.sink.as_deref(), asked.subscription.as_deref()];
        let of_projects = paths.into_iter().flatten().filter(|path| path.starts_with("projects/"));
        of_projects.filter_map(|path| ProjectId::parse(delivery::project_of(path)).ok()).collect()
    }

    pub(super) fn report_topic(&self) -> Option<&str> {
        self.asked.report_topic.as_deref().or(self.policy.reports.topic.as_deref())
    }

    pub(super) async fn delivery(&self) -> Vec<Line> {
        let (sink, subscription, mut lines) =
            join!(self.read_sink(), self.read_subscription(), self.check_report_topic());
        let topic = sink.as_ref().and_then(|(_, found)| delivery::destination(found.as_ref().ok()?));
        match &sink {
            Some((path, found)) => lines.push(delivery::sink(path, &log_filter::filter(), found)),
            None => lines.push(Line::not_named("sink", "--sink projects/P/sinks/S")),
        }
        if let (Some((_, Ok(sink))), Some(topic)) = (&sink, topic) {
            lines.extend(self.check_event_topic(sink, topic).await);
        }
        match &subscription {
            Some((path, found)) => {
                let service = match &self.asked.service {
                    Some(Service::At(url)) => Some(url.as_str()),
                    _ => None,
                };
                lines.extend(delivery::subscription(path, topic, service, found));
            }
            None => lines.push(Line::not_named("subscription", "--subscription projects/P/subscriptions/S")),
        }
        lines
    }

    async fn check_report_topic(&self) -> Vec<Line> {
        let Some(topic) = self.report_topic() else {
            return vec![Line::not_named("report topic", "--report-topic projects/P/topics/T")];
        };
        let (project, name) = (delivery::project_of(topic), last_segment(topic));
        let (found, granted) = join!(
            self.client.get_topic(project, name),
            self.client.test_topic_permissions(project, name, &["pubsub.topics.publish"]),
        );
        vec![delivery::report_topic(topic, &read(found), &read(granted))]
    }

    async fn check_event_topic(&self, sink: &Sink, topic: &str) -> Vec<Line> {
        let (project, name) = (delivery::project_of(topic), last_segment(topic));
        let (found, on_topic, on_project) = join!(
            self.client.get_topic(project, name),
            self.client.get_topic_iam_policy(project, name),
            self.client.get_project_iam_policy(project),
        );
        let found = delivery::event_topic(topic, &read(found));
        vec![found, delivery::writer(sink, topic, &read(on_topic), &read(on_project))]
    }

    async fn read_sink(&self) -> Option<(&str, Read<Sink>)> {
        let path = self.asked.sink.as_deref()?;
        let (of, parent, name) = match path.split('/').collect::<Vec<_>>()[..] {
            ["projects", parent, "sinks", name] => (SinkOf::Project, parent, name),
            ["folders", parent, "sinks", name] => (SinkOf::Folder, parent, name),
            ["organizations", parent, "sinks", name] => (SinkOf::Organization, parent, name),
            _ => return None,
        };
        Some((path, read(self.client.get_sink(of, parent, name).await)))
    }

    async fn read_subscription(&self) -> Option<(&str, Read<Subscription>)> {
        let path = self.asked.subscription.as_deref()?;
        let found = self.client.get_subscription(delivery::project_of(path), last_segment(path)).await;
        Some((path, read(found)))
    }

    /// The topic that events come by, as sink or subscription tell.
    pub(super) async fn event_topic(&self) -> Option<String> {
        let (sink, subscription) = join!(self.read_sink(), self.read_subscription());
        let of_sink = sink.and_then(|(_, found)| Some(delivery::destination(&found.ok()?)?.to_owned()));
        of_sink.or_else(|| subscription.and_then(|(_, found)| Some(found.ok()?.topic)))
    }

    pub(super) async fn service(&self) -> Vec<Line> {
        match &self.asked.service {
            Some(Service::At(url)) => {
                let url = url.trim_end_matches('/');
                service::seen(url, &self.metrics(url).await, (self.now)())
            }
            Some(Service::Named { project, location, name }) => {
                let filter = |sweep| service::request_filter(location, name, sweep);
                let (events, sweeps) = (filter(false), filter(true));
                let (events, sweeps) =
                    join!(self.client.latest_entry(project, &events), self.client.latest_entry(project, &sweeps));
                service::logged([project, location, name], &read(events), &read(sweeps), (self.now)())
            }
            None => {
                let flag = "--service projects/P/locations/R/services/S";
                ["last event", "last sweep"].map(|subject| Line::not_named(subject, flag)).to_vec()
            }
        }
    }

    /// What the service itself tells, without a token of ours.
    async fn metrics(&self, url: &str) -> Result<Seen, String> {
        let http =
            http::Request::get(format!("{url}/metrics")).body(Bytes::new()).map_err(|error| error.to_string())?;
        let request = Request { call: "doctor.metrics", http, deadline: Duration::from_secs(10) };
        let answer = self.transport.send(request).await.map_err(|error| error.to_string())?;
        match answer.status().is_success() {
            true => Ok(Seen::of_metrics(&String::from_utf8_lossy(answer.body()))),
            false => Err(format!("it answered {}", answer.status())),
        }
    }
}
