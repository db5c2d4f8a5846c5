//! From the bytes of a POST to the decision about each event in it.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, engine::general_purpose::STANDARD};
use egress_reconciler::{
    domain::{
        audit::{
            classify::{Disposition, OwnPrincipals, dispose},
            scope::Scope,
            signal::Signal,
        },
        names::{ProjectId, Region, is_unruly},
        target::Place,
    },
    web::delivery::{Item, decode},
};
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use jiff::Timestamp;
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use super::mutation::{cut, cuts, entries};

fn scope() -> Scope {
    let id = |text: &str| ProjectId::parse(text).unwrap();
    Scope {
        projects: BTreeSet::from([id("demo-project")]),
        hosts: BTreeSet::from([id("host-project")]),
        regions: Some(["europe-west2", "us-central1"].map(|name| Region::parse(name).unwrap()).into()),
        numbers: BTreeMap::from([(id("111111111111"), id("demo-project"))]),
    }
}

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

/// What holds of every signal, whoever wrote the entry.
fn check_signal(signal: &Signal, scope: &Scope) {
    let (project, region) = match &signal.place {
        Place::Target(target) => (&target.project, Some(&target.region)),
        Place::Network(network) => (&network.project, None),
        Place::Project(project) => (project, None),
        // It names no project: the scope alone says where is looked.
        Place::Everywhere => return assert!(signal.wanted.is_none(), "{signal:?}"),
    };
    assert!(scope.projects.contains(project) || scope.hosts.contains(project), "{signal:?}");
    assert!(region.is_none_or(|region| scope.has_region(region)), "{signal:?}");
    if let Some(wanted) = &signal.wanted {
        // A number is looked up before it counts.
        let connector = &wanted.connector;
        assert!(connector.project == *project || connector.project.is_number(), "{signal:?}");
        assert_eq!(Some(&connector.region), region);
    }
    let trigger = &signal.trigger;
    assert!(trigger.at <= trigger.received, "{trigger:?}");
    let shown = [&trigger.event_id, &trigger.method, &trigger.resource];
    for text in shown.into_iter().chain(&trigger.principal) {
        assert!(text.len() <= 4096 && !text.contains(is_unruly), "{text:?}");
    }
}

fn check(content_type: &str, body: &[u8]) {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap())]);
    let (scope, own) = (scope(), OwnPrincipals::default());
    decode(&headers, body).unwrap().each(|item| {
        let entry = match item {
            Item::Entry(entry) => entry,
            Item::Malformed(reason) => return assert!(reason.to_string().len() < 2000, "{reason}"),
            Item::NoEntry => return,
        };
        match dispose(&entry, &scope, &own, now()) {
            Disposition::Act(signal) => check_signal(&signal, &scope),
            Disposition::Ignore(_) => {}
            Disposition::Reject(reason) => assert!(reason.to_string().len() < 2000, "{reason}"),
        }
        let nowhere = dispose(&entry, &Scope::default(), &own, now());
        assert!(!matches!(nowhere, Disposition::Act(_)), "{nowhere:?}");
    });
}

/// The same entry in each of the forms in which it may come.
fn packed(entry: &Value, form: usize) -> (&'static str, String) {
    let event = |data: &Value| json!({"specversion": "1.0", "type": "t", "id": "1", "source": "s", "data": data});
    let message =
        |data: String| json!({"message": {"data": STANDARD.encode(data), "messageId": "1"}, "subscription": "s"});
    match form {
        0 => ("application/json", entry.to_string()),
        1 => ("application/json", message(entry.to_string()).to_string()),
        2 => ("application/cloudevents+json", event(entry).to_string()),
        3 => ("application/cloudevents-batch+json", json!([event(entry), event(&json!({})), entry]).to_string()),
        _ => ("application/json", message(event(entry).to_string()).to_string()),
    }
}

proptest! {
    #[test]
    fn bytes(
        content_type in select(vec!["application/json", "application/cloudevents-batch+json", "text/plain"]),
        body in vec(any::<u8>(), 0..400),
    ) {
        check(content_type, &body);
    }

    #[test]
    fn damaged_bodies(entry in entries(), form in 0..5_usize, cuts in cuts()) {
        let (content_type, body) = packed(&entry, form);
        check(content_type, &cut(body.into_bytes(), &cuts));
    }

    #[test]
    fn damaged_payloads(entry in entries(), cuts in cuts()) {
        let payload = STANDARD.encode(cut(entry.to_string().into_bytes(), &cuts));
        check("application/json", json!({"message": {"data": payload}}).to_string().as_bytes());
    }

    #[test]
    fn strange_entries(entry in entries(), form in 0..5_usize) {
        let (content_type, body) = packed(&entry, form);
        check(content_type, body.as_bytes());
    }

    #[test]
    fn the_form_of_delivery_changes_no_decision(entry in entries(), form in 0..5_usize) {
        // What bears an envelope's marks is taken for one.
        prop_assume!(["specversion", "message"].iter().all(|mark| entry.get(mark).is_none()) && entry.is_object());
        let decide = |form: usize| {
            let (content_type, body) = packed(&entry, form);
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap())]);
            let mut decisions = Vec::new();
            decode(&headers, body.as_bytes()).unwrap().each(|item| decisions.push(match item {
                Item::Entry(entry) => format!("{:?}", dispose(&entry, &scope(), &OwnPrincipals::default(), now())),
                other => format!("{other:?}"),
            }));
            decisions.swap_remove(0)
        };
        assert_eq!(decide(form), decide(0));
    }
}
