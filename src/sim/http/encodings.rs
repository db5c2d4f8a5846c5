//! The encoding of enums in an answer: by name, or by number if the call has `$alt=json;enum-encoding=int`.
//! <https://cloud.google.com/apis/docs/system-parameters>

use serde_json::Value;

use crate::sim::{
    api::{fields, service::Service},
    store::kind::{Kind, Kinds},
};

use super::{
    call::Call,
    route::{Target, Verb},
};

pub fn encoded(kinds: Kinds, call: &Call, mut answer: Value) -> Value {
    // Compute's and Knative's enums are always names.
    if !asked(call) || call.route.service == Service::Compute || call.route.is_knative() {
        return answer;
    }
    match (call.route.target, call.route.verb) {
        (Target::Kind(kind), Verb::Get) => document(kind, &mut answer),
        (Target::Kind(kind), Verb::List) => items(&mut answer, kind.segment, |item| document(kind, item)),
        (Target::Operations, Verb::List) => items(&mut answer, "operations", |item| operation(kinds, item)),
        (Target::Kind(_) | Target::Operations, _) => operation(kinds, &mut answer),
        _ => {}
    }
    answer
}

fn asked(call: &Call) -> bool {
    let form = call.parameter("$alt").or_else(|| call.parameter("alt"));
    form.is_some_and(|form| form.split(';').any(|part| part.trim() == "enum-encoding=int"))
}

fn items(answer: &mut Value, list: &str, encode: impl FnMut(&mut Value)) {
    answer.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten().for_each(encode);
}

fn document(kind: &Kind, document: &mut Value) {
    if let Value::Object(document) = document {
        fields::number_enums(kind.fields, document);
    }
}

/// The metadata and the response of an operation have the type of their message.
fn operation(kinds: Kinds, operation: &mut Value) {
    for part in ["metadata", "response"] {
        let Some(part) = operation.get_mut(part) else { continue };
        let message = part["@type"].as_str().unwrap_or_default().trim_start_matches("type.googleapis.com/");
        if let Some(kind) = kinds.of_message(message) {
            document(kind, part);
        }
    }
}
