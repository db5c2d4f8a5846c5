//! Lists of a project's resources in every region, read at once.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::google::{
    client::Client,
    error::CallError,
    method::Call,
    paging::{Listing, incomplete, object, read_elements},
};

/// A warning that takes nothing from a list: the scope is empty.
const EMPTY: &str = "NO_RESULTS_ON_PAGE";

/// The resources of one kind in every region of a project. A region that Google could not look at is an error there and
/// nowhere else.
#[derive(Debug)]
pub struct ByRegion<T> {
    call: &'static str,
    found: BTreeMap<String, Vec<T>>,
    unreachable: BTreeSet<String>,
}

impl<T> ByRegion<T> {
    fn new(call: &'static str) -> Self {
        Self { call, found: BTreeMap::new(), unreachable: BTreeSet::new() }
    }

    /// The same with each resource made into something else; an error where one cannot be, in words that say why.
    pub fn try_map<U>(self, mut into: impl FnMut(&str, T) -> Result<U, String>) -> Result<ByRegion<U>, CallError> {
        let Self { call, found, unreachable } = self;
        let mut all = BTreeMap::new();
        for (region, resources) in found {
            let made: Result<Vec<U>, String> = resources.into_iter().map(|resource| into(&region, resource)).collect();
            let made = made.map_err(|error| CallError::unreadable(call, error))?;
            all.insert(region, made);
        }
        Ok(ByRegion { call, found: all, unreachable })
    }

    /// What the region has; an error where Google could not look there.
    pub fn of(&self, region: &str) -> Result<&[T], CallError> {
        match self.unreachable.contains(region) {
            true => Err(incomplete(self.call, &format!("{region} cannot be reached"))),
            false => Ok(self.found.get(region).map(Vec::as_slice).unwrap_or_default()),
        }
    }
}

impl<T: DeserializeOwned> ByRegion<T> {
    fn read(
        &mut self,
        listing: Listing,
        region_of: Option<RegionOf>,
        mut page: Map<String, Value>,
    ) -> Result<(), CallError> {
        self.note_unreachable(&page)?;
        let Some(region_of) = region_of else {
            for (scope, list) in object(self.call, "items", page.remove("items"))? {
                let Some(region) = scope.strip_prefix("regions/") else { continue };
                let mut list = object(self.call, &scope, Some(list))?;
                if is_cut(&list) {
                    self.unreachable.insert(region.to_owned());
                }
                let found = self.found.entry(region.to_owned()).or_default();
                read_elements(self.call, &scope, list.remove(listing.field), found)?;
            }
            return Ok(());
        };
        let mut elements: Vec<Value> = Vec::new();
        read_elements(self.call, listing.field, page.remove(listing.field), &mut elements)?;
        for element in elements {
            let region = region_of(&element).map(str::to_owned);
            let region =
                region.ok_or_else(|| CallError::unreadable(self.call, "an element does not tell its region"))?;
            let found = self.found.entry(region).or_default();
            read_elements(self.call, listing.field, Some(Value::Array(vec![element])), found)?;
        }
        Ok(())
    }

    /// Regions that a page says are missing from the list. A gap without a region may be anywhere.
    fn note_unreachable(&mut self, page: &Map<String, Value>) -> Result<(), CallError> {
        let places = ["unreachable", "unreachables"].into_iter().filter_map(|key| page.get(key)?.as_array()).flatten();
        for place in places {
            let place = place.as_str().unwrap_or_default();
            let mut segments = place.rsplit('/');
            match (segments.next(), segments.next()) {
                (Some(region), None | Some("regions" | "locations")) if !region.is_empty() => {
                    self.unreachable.insert(region.to_owned());
                }
                _ => return Err(incomplete(self.call, &format!("{place:?} cannot be reached"))),
            }
        }
        match is_cut(page) && self.unreachable.is_empty() {
            true => Err(incomplete(self.call, &page["warning"]["code"].to_string())),
            false => Ok(()),
        }
    }
}

/// Whether Google warns that a list or scope is not whole.
fn is_cut(list: &Map<String, Value>) -> bool {
    list.get("warning").and_then(|warning| warning["code"].as_str()).is_some_and(|code| code != EMPTY)
}

/// Where an element of a list says which region it is of.
type RegionOf = fn(&Value) -> Option<&str>;

/// `projects/P/locations/REGION/…`
pub(super) fn in_name(element: &Value) -> Option<&str> {
    element["name"].as_str()?.split('/').nth(3)
}

/// <https://cloud.google.com/run/docs/reference/rest/v1/ObjectMeta>
pub(super) fn in_label(element: &Value) -> Option<&str> {
    element["metadata"]["labels"]["cloud.googleapis.com/location"].as_str()
}

impl Client {
    /// A list over every region; no `region_of` = the list is by scope.
    pub(super) async fn list_by_region<T: DeserializeOwned>(
        &self,
        call: Call,
        listing: Listing,
        region_of: Option<RegionOf>,
    ) -> Result<ByRegion<T>, CallError> {
        let mut all = ByRegion::new(call.name);
        self.each_page(call, listing, |page| all.read(listing, region_of, page)).await?;
        Ok(all)
    }
}
