//! The way of an event to the service, and of a report from it.

use super::{
    Line,
    facts::{DeadLetter, Granted, IamPolicy, Sink, Subscription, Topic},
    unread,
};
use crate::domain::{names::last_segment, state::read::Read};

/// The longest that there is, and what a run may take.
const ACK_DEADLINE: u32 = 600;
/// Fewer attempts than this are used up before a connector is made.
const ATTEMPTS: u32 = 20;
const PUBLISHERS: [&str; 5] =
    ["roles/pubsub.publisher", "roles/pubsub.editor", "roles/pubsub.admin", "roles/editor", "roles/owner"];

/// `projects/P/…/NAME`: P.
pub fn project_of(path: &str) -> &str {
    path.split('/').nth(1).unwrap_or_default()
}

/// The topic that reports go to, and whether whoever asks may publish there.
pub fn report_topic(topic: &str, found: &Read<Topic>, granted: &Read<Granted>) -> Line {
    let (name, project) = (last_segment(topic), project_of(topic));
    let subject = format!("report topic {name}");
    let found = match exists(&subject, topic, found) {
        Ok(found) => found,
        Err(line) => return line,
    };
    let clear = format!("gcloud pubsub topics update {name} --clear-schema-settings --project={project}");
    match &found.schema_settings {
        Some(settings) if settings.schema == "_deleted-schema_" => {
            return Line::bad(&subject, "its schema was deleted, so every report is refused", clear);
        }
        Some(settings) if settings.encoding != "JSON" => {
            let text = format!("its schema expects {}, and reports are JSON", settings.encoding);
            return Line::bad(&subject, text, clear);
        }
        _ => {}
    }
    match granted {
        Err(failure) => unread(&subject, project, failure),
        Ok(granted) if granted.permissions.iter().any(|one| one == "pubsub.topics.publish") => {
            Line::ok(&subject, "exists, and accepts our reports")
        }
        Ok(_) => {
            let bind = format!(
                "gcloud pubsub topics add-iam-policy-binding {name} --project={project} --member=serviceAccount:SERVICE_ACCOUNT --role=roles/pubsub.publisher"
            );
            Line::bad(&subject, "exists, but `pubsub.topics.publish` on it is not granted", bind)
        }
    }
}

/// The topic that events come by.
pub fn event_topic(topic: &str, found: &Read<Topic>) -> Line {
    let subject = format!("event topic {}", last_segment(topic));
    match exists(&subject, topic, found) {
        Ok(_) => Line::ok(&subject, "exists"),
        Err(line) => line,
    }
}

fn exists<'a>(subject: &str, topic: &str, found: &'a Read<Topic>) -> Result<&'a Topic, Line> {
    let (name, project) = (last_segment(topic), project_of(topic));
    found.as_ref().map_err(|failure| match failure.is_absent() {
        true => {
            let create = format!("gcloud pubsub topics create {name} --project={project}");
            Line::bad(subject, "does not exist, so nothing is delivered", create)
        }
        false => unread(subject, project, failure),
    })
}

/// Where the sink writes, as a Pub/Sub topic's path.
pub fn destination(sink: &Sink) -> Option<&str> {
    sink.destination.strip_prefix("pubsub.googleapis.com/")
}

/// `filter` is the one that the classifier's table gives.
pub fn sink(path: &str, filter: &str, found: &Read<Sink>) -> Line {
    let name = last_segment(path);
    let subject = format!("sink {name}");
    let at = parent_flag(path);
    let found = match found {
        Ok(found) => found,
        Err(failure) if failure.is_absent() => {
            let create = format!(
                "gcloud logging sinks create {name} pubsub.googleapis.com/projects/PROJECT/topics/TOPIC {at} --log-filter=\"$(egress-reconciler policy sink-filter)\""
            );
            return Line::bad(&subject, "does not exist, so no event comes", create);
        }
        Err(failure) => return unread(&subject, project_of(path), failure),
    };
    let update = |with: &str| format!("gcloud logging sinks update {name} {with} {at}");
    if found.disabled {
        return Line::bad(&subject, "is disabled, so no event comes", update("--no-disabled"));
    }
    if destination(found).is_none() {
        let text = format!("leads to {}, which is no Pub/Sub topic", found.destination);
        return Line::bad(&subject, text, update("pubsub.googleapis.com/projects/PROJECT/topics/TOPIC"));
    }
    if words(&found.filter) != words(filter) {
        let set = update("--log-filter=\"$(egress-reconciler policy sink-filter)\"");
        return Line::bad(&subject, "its filter is not the one of this version, so events may be missed", set);
    }
    Line::ok(&subject, format!("leads to {} with the filter of this version", last_segment(&found.destination)))
}

/// A filter without its comments and line breaks.
fn words(filter: &str) -> Vec<&str> {
    let lines = filter.lines().map(str::trim).filter(|line| !line.starts_with("--"));
    lines.flat_map(str::split_whitespace).collect()
}

/// `--project=P`, `--folder=F` or `--organization=O`.
fn parent_flag(path: &str) -> String {
    let kind = path.split('/').next().unwrap_or_default();
    format!("--{}={}", kind.trim_end_matches('s'), project_of(path))
}

/// Whether what the sink routes arrives: its writer must be allowed to publish, on the topic or on its project.
pub fn writer(sink: &Sink, topic: &str, on_topic: &Read<IamPolicy>, on_project: &Read<IamPolicy>) -> Line {
    let (name, project) = (last_segment(topic), project_of(topic));
    let subject = format!("sink's writer on topic {name}");
    let binds =
        |policy: &Read<IamPolicy>| policy.as_ref().is_ok_and(|policy| policy.binds(&sink.writer_identity, &PUBLISHERS));
    if binds(on_topic) || binds(on_project) {
        return Line::ok(&subject, "may publish");
    }
    if let Some(failure) = [on_topic, on_project].into_iter().find_map(|read| read.as_ref().err()) {
        return unread(&subject, project, failure);
    }
    let writer = &sink.writer_identity;
    let bind = format!(
        "gcloud pubsub topics add-iam-policy-binding {name} --project={project} --member={writer} --role=roles/pubsub.publisher"
    );
    Line::bad(&subject, format!("{writer} may not publish, so every event is lost"), bind)
}

/// What the subscription must be like. `topic` is where the sink leads, `service` where the service is, if they are known.
pub fn subscription(path: &str, topic: Option<&str>, service: Option<&str>, found: &Read<Subscription>) -> Vec<Line> {
    let (name, project) = (last_segment(path), project_of(path));
    let subject = format!("subscription {name}");
    let found = match found {
        Ok(found) => found,
        Err(failure) if failure.is_absent() => {
            let text = "does not exist, so no event reaches the service";
            return vec![Line::bad(&subject, text, creation(name, project, topic, service))];
        }
        Err(failure) => return vec![unread(&subject, project, failure)],
    };
    // A door on this machine says nothing of where Google pushes to.
    let pushes_here = found.push_config.push_endpoint.starts_with("http://");
    let service = service.filter(|url| pushes_here || url.starts_with("https://"));
    let update = |with: &str| format!("gcloud pubsub subscriptions update {name} --project={project} {with}");
    let create = creation(name, project, topic, service);
    let again = format!("gcloud pubsub subscriptions delete {name} --project={project} && {create}");
    vec![
        alive(&subject, topic, found, again),
        endpoint(&subject, service, found, &update),
        token(&subject, service, found, &update),
        deadline(&subject, found, &update),
        backoff(&subject, found, &update),
        dead_letter(&subject, found.dead_letter_policy.as_ref(), &update),
    ]
}

fn creation(name: &str, project: &str, topic: Option<&str>, service: Option<&str>) -> String {
    let (topic, service) = (topic.unwrap_or("TOPIC"), service.unwrap_or("SERVICE_URL").trim_end_matches('/'));
    format!(
        "gcloud pubsub subscriptions create {name} --project={project} --topic={topic} --push-endpoint={service}/events --push-auth-service-account=PUSH_ACCOUNT --push-auth-token-audience={service} --ack-deadline=600 --min-retry-delay=10s"
    )
}

fn alive(subject: &str, topic: Option<&str>, found: &Subscription, again: String) -> Line {
    match found.topic.as_str() {
        _ if found.detached => Line::bad(subject, "is detached from its topic, so no event comes", again),
        "_deleted-topic_" => Line::bad(subject, "its topic was deleted, so no event comes", again),
        other if topic.is_some_and(|topic| topic != other) => {
            let text = format!("listens to {other}, and the sink leads to {}", topic.unwrap_or_default());
            Line::bad(subject, text, again)
        }
        _ if found.state == "RESOURCE_ERROR" => {
            Line::bad(subject, "cannot reach what it pushes to (state RESOURCE_ERROR)", again)
        }
        _ => Line::ok(subject, format!("listens to {}", last_segment(&found.topic))),
    }
}

fn endpoint(subject: &str, service: Option<&str>, found: &Subscription, update: &dyn Fn(&str) -> String) -> Line {
    let endpoint = found.push_config.push_endpoint.as_str();
    let wanted = service.unwrap_or("SERVICE_URL").trim_end_matches('/');
    let set = || update(&format!("--push-endpoint={wanted}/events"));
    if endpoint.is_empty() {
        return Line::bad(subject, "does not push, and the service does not pull", set());
    }
    let elsewhere = service.is_some() && !endpoint.starts_with(wanted);
    let door = endpoint.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    match () {
        () if elsewhere => Line::bad(subject, format!("pushes to {endpoint}, and the service is at {wanted}"), set()),
        () if !matches!(door, "" | "events") => {
            Line::bad(subject, format!("pushes to {endpoint}, where the service takes no events"), set())
        }
        () => Line::ok(subject, format!("pushes to {endpoint}")),
    }
}

/// Over plain http, which only a local service speaks, nobody checks a token.
fn token(subject: &str, service: Option<&str>, found: &Subscription, update: &dyn Fn(&str) -> String) -> Line {
    let audience = service.unwrap_or("SERVICE_URL").trim_end_matches('/');
    let endpoint = &found.push_config.push_endpoint;
    let set = || {
        let account =
            found.push_config.oidc_token.as_ref().map_or("PUSH_ACCOUNT", |token| &token.service_account_email);
        update(&format!(
            "--push-endpoint={endpoint} --push-auth-service-account={account} --push-auth-token-audience={audience}"
        ))
    };
    match &found.push_config.oidc_token {
        None if endpoint.starts_with("http://") => Line::ok(subject, "pushes without a token, to a local service"),
        None => Line::bad(subject, "pushes without a token, which Cloud Run refuses", set()),
        Some(token) if service.is_some() && token.audience.trim_end_matches('/') != audience => Line::bad(
            subject,
            format!("its tokens are for {:?}, and the service is at {audience}", token.audience),
            set(),
        ),
        Some(token) => Line::ok(subject, format!("its tokens are for {}", token.audience)),
    }
}

fn deadline(subject: &str, found: &Subscription, update: &dyn Fn(&str) -> String) -> Line {
    match found.ack_deadline_seconds {
        ACK_DEADLINE => Line::ok(subject, "waits 600 s for an answer"),
        seconds => {
            let text = format!("waits {seconds} s for an answer, and a run may take longer");
            Line::bad(subject, text, update("--ack-deadline=600"))
        }
    }
}

fn backoff(subject: &str, found: &Subscription, update: &dyn Fn(&str) -> String) -> Line {
    match &found.retry_policy {
        Some(policy) => {
            let first = policy.minimum_backoff.as_deref().unwrap_or("10s");
            Line::ok(subject, format!("repeats after {first} at first"))
        }
        None => Line::warn(
            subject,
            "repeats at once what was refused, which uses up the attempts",
            update("--min-retry-delay=10s --max-retry-delay=600s"),
        ),
    }
}

fn dead_letter(subject: &str, found: Option<&DeadLetter>, update: &dyn Fn(&str) -> String) -> Line {
    match found {
        Some(policy) if policy.max_delivery_attempts >= ATTEMPTS => {
            let (topic, attempts) = (last_segment(&policy.dead_letter_topic), policy.max_delivery_attempts);
            Line::ok(subject, format!("after {attempts} attempts an event goes to {topic}"))
        }
        Some(policy) => {
            let attempts = policy.max_delivery_attempts;
            let text = format!("gives an event up after {attempts} attempts, before a connector is made");
            Line::warn(subject, text, update("--max-delivery-attempts=100"))
        }
        None => Line::warn(
            subject,
            "has no dead-letter topic, so an event that is never taken is lost after a week",
            update("--dead-letter-topic=DEAD_LETTER_TOPIC --max-delivery-attempts=100"),
        ),
    }
}
