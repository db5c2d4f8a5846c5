//! What Cloud Logging and Eventarc are asked to send us: written from the table that [`super::method`] classifies by.
//!
//! <https://cloud.google.com/logging/docs/view/logging-query-language>: `NOT` binds first, then `OR`, then `AND`, so
//! parentheses stand wherever two of them meet. A comparison with a member that an entry lacks is false.
//! <https://cloud.google.com/eventarc/docs/event-types>: a trigger names one service and one method.

use serde::Serialize;

use super::{
    classify::AGENT_DOMAIN,
    entry::LogKind,
    method::{METHODS, Row, Service},
};

/// The most that a sink's filter may have: <https://cloud.google.com/logging/quotas>.
pub const MAX_FILTER_BYTES: usize = 20_000;

/// The Eventarc trigger of one method.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TriggerFilter {
    pub service_name: &'static str,
    pub method_name: String,
}

/// The filter of the log sink.
pub fn filter() -> String {
    let services: Vec<String> = Service::ALL.into_iter().map(of_service).collect();
    let logs = ["activity", "system_event"].map(|log| format!(r#"log_id("cloudaudit.googleapis.com/{log}")"#));
    format!(
        "-- What egress-reconciler acts on. Written by `egress-reconciler policy sink-filter`; do not edit.\n\
         ({})\n\
         -- not what Serverless VPC Access's own agent does while it makes a connector\n\
         AND NOT protoPayload.authenticationInfo.principalEmail=~\"^service-.*@{}$\"\n\
         AND (\n{}\n)\n",
        logs.join(" OR "),
        literal(AGENT_DOMAIN),
        services.join("\n  OR\n")
    )
}

/// One trigger for each name that a method is known to be called by.
pub fn triggers() -> Vec<TriggerFilter> {
    let names = METHODS.iter().flat_map(|row| {
        row.service.full_prefixes().flat_map(move |prefix| {
            row.verbs.iter().map(move |verb| TriggerFilter {
                service_name: row.service.host(),
                method_name: format!("{prefix}{}{verb}", row.collection),
            })
        })
    });
    names.collect()
}

/// The entries of one service, on some lines.
fn of_service(service: Service) -> String {
    let rows: Vec<&Row> = METHODS.iter().filter(|row| row.service == service).collect();
    let mut terms = vec![format!("    protoPayload.serviceName=\"{}\"", service.host())];
    if !rows.iter().any(|row| row.logs.contains(&LogKind::SystemEvent)) {
        terms.push(r#"    AND log_id("cloudaudit.googleapis.com/activity")"#.to_owned());
    }
    let methods: Vec<String> = collections(&rows).iter().map(|(names, verbs)| method(service, names, verbs)).collect();
    terms.push(format!("    AND (\n      {}\n    )", methods.join("\n      OR ")));
    if service == Service::Compute {
        terms.push(without("the hidden objects of a connector", r#"protoPayload.resourceName=~"/aet-[^/]*$""#));
    }
    if !rows.iter().any(|row| row.from_start) {
        let started = "(operation.first=true AND NOT operation.last=true)";
        terms.push(without("the start of an operation: its end comes too", started));
        terms.push(match service {
            // A team whose NAT is refused because of ours has to hear of it.
            Service::Compute => without(
                "what was refused without an operation, except a NAT beside another",
                "(protoPayload.status.code>0 AND NOT operation.id:* AND NOT (protoPayload.methodName=~\"[.]routers[.]\" AND protoPayload.status.message=~\"Nat\"))",
            ),
            // A deploy that names a missing connector is refused so.
            Service::Functions | Service::AppEngine => without(
                "what the caller had no permission for",
                "(protoPayload.status.code=7 AND NOT operation.id:*)",
            ),
            _ => without("what was refused without an operation", "(protoPayload.status.code>0 AND NOT operation.id:*)"),
        });
    }
    format!("  (\n{}\n  )", terms.join("\n"))
}

/// What is left out, and why.
fn without(why: &str, what: &str) -> String {
    format!("    -- not {why}\n    AND NOT {what}")
}

/// Collections whose verbs are the same share a line.
fn collections(rows: &[&Row]) -> Vec<(Vec<&'static str>, &'static [&'static str])> {
    let mut lines: Vec<(Vec<&'static str>, &'static [&'static str])> = Vec::new();
    for row in rows {
        match lines.iter_mut().find(|(_, verbs)| *verbs == row.verbs) {
            Some((names, _)) => names.push(row.collection),
            None => lines.push((vec![row.collection], row.verbs)),
        }
    }
    lines
}

fn method(service: Service, collections: &[&str], verbs: &[&str]) -> String {
    let prefixes: Vec<String> = service.prefixes().iter().map(|prefix| literal(prefix).replace('*', "[^.]+")).collect();
    let collections: Vec<String> = collections.iter().map(|name| literal(name)).collect();
    let name = format!("{}{}({})", one_of(&prefixes), one_of(&collections), verbs.join("|"));
    format!("protoPayload.methodName=~\"^{name}$\"")
}

fn one_of(words: &[String]) -> String {
    match words {
        [word] => word.clone(),
        words => format!("({})", words.join("|")),
    }
}

/// A regular expression for the text itself, free of backslashes, which Logging's own quotes would need doubled.
fn literal(text: &str) -> String {
    text.replace('.', "[.]")
}
