//! Whole lists: every page, or an error.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::google::{
    client::Client,
    error::{CallError, one_line},
    method::Call,
};

const PAGE_SIZE: &str = "500";

/// With 500 to a page more than any quota allows; a list that goes on is one that never ends.
const MAX_PAGES: usize = 200;

/// Warnings that say that something is missing from the list.
const GAPS: [&str; 3] = ["UNREACHABLE", "PARTIAL_SUCCESS", "LIST_OVERHEAD_QUOTA_EXCEED"];

/// How an API spells its lists.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listing {
    size: &'static str,
    /// The parameter that takes the token of the next page.
    token: &'static str,
    /// The field with the elements.
    pub field: &'static str,
    /// Compute's `aggregatedList`: `items` maps each scope to an object that has `field`.
    pub by_scope: bool,
}

impl Listing {
    /// `items[]`, as compute lists.
    pub const ITEMS: Self = Self { size: "maxResults", token: "pageToken", field: "items", by_scope: false };

    /// `items[]` with the next page's token in `metadata.continue`, as Cloud Run v1 lists.
    pub const KNATIVE: Self = Self { size: "limit", token: "continue", field: "items", by_scope: false };

    /// `items{scope: {field[]}}`, as compute's `aggregatedList`.
    pub const fn by_scope(field: &'static str) -> Self {
        Self { field, by_scope: true, ..Self::ITEMS }
    }

    /// `field[]`, as the newer APIs list.
    pub const fn of(field: &'static str) -> Self {
        Self { size: "pageSize", token: "pageToken", field, by_scope: false }
    }

    /// Appends what the page holds to `found`.
    fn read<T: DeserializeOwned>(
        self,
        call: &'static str,
        mut page: Map<String, Value>,
        found: &mut Vec<T>,
    ) -> Result<(), CallError> {
        check_whole(call, &page)?;
        if !self.by_scope {
            return read_elements(call, self.field, page.remove(self.field), found);
        }
        for (scope, list) in object(call, "items", page.remove("items"))? {
            let mut list = object(call, &scope, Some(list))?;
            check_whole(call, &list)?;
            read_elements(call, &scope, list.remove(self.field), found)?;
        }
        Ok(())
    }
}

impl Client {
    pub(super) async fn list<T: DeserializeOwned>(&self, call: Call, listing: Listing) -> Result<Vec<T>, CallError> {
        let (name, mut found) = (call.name, Vec::new());
        self.each_page(call, listing, |page| listing.read(name, page, &mut found)).await?;
        Ok(found)
    }

    /// Hands each page of a list to `read`.
    pub(super) async fn each_page(
        &self,
        call: Call,
        listing: Listing,
        mut read: impl FnMut(Map<String, Value>) -> Result<(), CallError>,
    ) -> Result<(), CallError> {
        let mut call = call.query(listing.size, PAGE_SIZE);
        let first = call.url.clone();
        let mut tokens: Vec<String> = Vec::new();
        loop {
            let mut page: Map<String, Value> = self.ask(&call).await?;
            let token = match listing.token {
                "continue" => {
                    page.get_mut("metadata").and_then(|metadata| metadata.get_mut("continue")).map(Value::take)
                }
                _ => page.remove("nextPageToken"),
            };
            let token = next_page(call.name, token)?;
            read(page)?;
            let Some(token) = token else { return Ok(()) };
            if tokens.contains(&token) {
                return Err(incomplete(call.name, "a page token came twice"));
            }
            if tokens.len() + 1 >= MAX_PAGES {
                return Err(incomplete(call.name, "the pages do not end"));
            }
            call.url = first.clone();
            call = call.query(listing.token, &token);
            tokens.push(token);
        }
    }
}

/// The token of the next page; none or an empty one on the last.
fn next_page(call: &'static str, token: Option<Value>) -> Result<Option<String>, CallError> {
    match token {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(token)) => Ok(Some(token).filter(|token| !token.is_empty())),
        Some(_) => Err(CallError::unreadable(call, "the token of the next page is not a string")),
    }
}

/// Appends the elements of an array; Google leaves empty lists out.
pub(super) fn read_elements<T: DeserializeOwned>(
    call: &'static str,
    place: &str,
    list: Option<Value>,
    found: &mut Vec<T>,
) -> Result<(), CallError> {
    let elements = match list {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Array(elements)) => elements,
        Some(_) => return Err(CallError::unreadable(call, format!("{place} is not a list"))),
    };
    for (index, element) in elements.into_iter().enumerate() {
        let element = serde_json::from_value(element)
            .map_err(|error| CallError::unreadable(call, format!("{place}[{index}]: {error}")))?;
        found.push(element);
    }
    Ok(())
}

pub(super) fn object(call: &'static str, place: &str, value: Option<Value>) -> Result<Map<String, Value>, CallError> {
    match value {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map),
        Some(_) => Err(CallError::unreadable(call, format!("{place} is not an object"))),
    }
}

/// Refuses a page or scope in which Google says that it could not look everywhere.
fn check_whole(call: &'static str, page: &Map<String, Value>) -> Result<(), CallError> {
    let lost = ["unreachable", "unreachables"].into_iter().filter_map(|key| page.get(key)?.as_array());
    if let Some(place) = lost.flatten().next() {
        let place = place.as_str().unwrap_or("a place without a name");
        return Err(incomplete(call, &format!("{place} cannot be reached")));
    }
    // Monitoring lists what it could not read beside what it could.
    if page.get("executionErrors").and_then(Value::as_array).is_some_and(|errors| !errors.is_empty()) {
        return Err(incomplete(call, "some time series could not be read"));
    }
    let warning = page.get("warning").unwrap_or(&Value::Null);
    match warning["code"].as_str() {
        Some(code) if GAPS.contains(&code) => {
            let message = warning["message"].as_str().unwrap_or_default();
            Err(incomplete(call, &format!("{code} {message}")))
        }
        _ => Ok(()),
    }
}

pub(super) fn incomplete(call: &'static str, why: &str) -> CallError {
    CallError::Incomplete { call, why: one_line(why) }
}
