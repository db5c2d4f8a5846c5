//! Compute's lists: their pages, their filters, and lists of all regions.

use serde_json::{Map, Value, json};

use crate::sim::{
    api::{errors::Refusal, filter::Filter, links},
    http::call::Call,
    state::State,
};

/// `maxResults` is at most 500 in every Compute list.
pub const PAGE: (&str, usize) = ("maxResults", 500);

/// Groups results by scope: `global` or `regions/R`. An empty region has a warning instead.
pub fn by_scope<'a>(
    state: &State,
    call: &Call,
    (message, segment): (&str, &str),
    found: impl Iterator<Item = (&'a str, Value)>,
    next: Option<String>,
) -> Value {
    let mut items = Map::new();
    for region in &state.regions {
        let warning = json!({
            "code": "NO_RESULTS_ON_PAGE",
            "message": format!("There are no results for scope 'regions/{region}' on this page."),
            "data": [{"key": "scope", "value": format!("regions/{region}")}],
        });
        items.insert(format!("regions/{region}"), json!({"warning": warning}));
    }
    for (path, document) in found {
        let scope = path.split('/').skip(2).take_while(|part| *part != segment).collect::<Vec<_>>().join("/");
        let scope = items.entry(scope).or_insert_with(|| json!({}));
        if scope[segment].is_null() {
            *scope = json!({segment: []});
        }
        if let Some(list) = scope[segment].as_array_mut() {
            list.push(document);
        }
    }
    let mut answer = json!({
        "kind": format!("{message}AggregatedList"),
        "id": call.path,
        "items": items,
        "selfLink": links::full(&call.path),
    });
    if !call.unreachable().is_empty() {
        answer["unreachables"] = call.unreachable().iter().map(|region| format!("regions/{region}")).collect();
    }
    if let Some(token) = next {
        answer["nextPageToken"] = token.into();
    }
    answer
}

/// The filter of a list; without one it is that which fits everything.
pub fn filter(call: &Call) -> Result<Filter, Refusal> {
    let text = call.parameter("filter").unwrap_or_default();
    Filter::parse(text).ok_or_else(|| Refusal::value("filter", text, "Invalid list filter expression."))
}
