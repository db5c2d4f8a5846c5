//! A world as a document: what `--world` loads and `GET /sim/world` shows.
//!
//! `{version, now, seed, regions, projects: {ID: {number, apis, iam, quotas, region_quotas, closed_regions, ancestors}},
//! resources: {COLLECTION: [documents as GET returns them]}, policies: {PATH: IAM policy}, operations, future}`. Only `version` and `projects` are needed; `regions` may be
//! `"all"`; `future` holds the changes of operations that have not ended.

pub mod build;
mod regions;
pub mod snapshot;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use thiserror::Error;

use self::regions::Regions;
use crate::sim::{
    api::{fields, service::Service},
    services::KINDS,
    state::{Project, operations::Operation},
    store::kind::Kind,
};

const VERSION: u64 = 1;

/// An error in a world file.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("world: {at}: {why}")]
pub struct WorldError {
    /// The path of the field, such as `resources.compute.firewalls[2].priority`.
    pub at: String,
    pub why: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// The time at which the world starts; by default that of the options.
    pub now: Option<Timestamp>,
    pub seed: u64,
    pub regions: Vec<String>,
    pub projects: BTreeMap<String, Project>,
    pub resources: Vec<Resource>,
    /// IAM policies by the path of their resource.
    pub policies: BTreeMap<String, Value>,
    pub operations: Vec<Operation>,
}

/// One document, or its deletion, from a time on.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    pub kind: &'static Kind,
    pub path: String,
    /// When it becomes visible; None is from the start.
    pub from: Option<Timestamp>,
    pub document: Option<Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Future {
    from: Timestamp,
    collection: String,
    path: String,
    document: Option<Value>,
}

impl World {
    /// Reads a world file.
    pub fn parse(text: &str) -> Result<Self, WorldError> {
        Self::read(serde_json::from_str(text).map_err(|error| wrong("", error))?)
    }

    pub fn read(document: Value) -> Result<Self, WorldError> {
        let Value::Object(mut fields) = document else { return Err(wrong("", "not an object")) };
        match take::<Option<u64>>(&mut fields, "version")? {
            Some(VERSION) => {}
            other => return Err(wrong("version", format!("{other:?} is not {VERSION}"))),
        }
        let mut projects: BTreeMap<String, Project> = BTreeMap::new();
        for (id, project) in take::<Map<String, Value>>(&mut fields, "projects")? {
            let says_which = project.get("apis").is_some();
            let mut project: Project = parsed(project, &format!("projects.{id}"))?;
            project.apis.sort();
            if !says_which {
                project.unknown = Service::all().filter(|service| service.is_optional()).map(Service::host).collect();
            }
            projects.insert(id, project);
        }
        let mut world = Self {
            now: take_or_default(&mut fields, "now")?,
            seed: take_or_default(&mut fields, "seed")?,
            regions: take::<Option<Regions>>(&mut fields, "regions")?.unwrap_or_default().names(),
            projects,
            resources: Vec::new(),
            policies: take_or_default(&mut fields, "policies")?,
            operations: take_or_default(&mut fields, "operations")?,
        };
        let resources: Map<String, Value> = take_or_default(&mut fields, "resources")?;
        for (collection, documents) in resources {
            let at = format!("resources.{collection}");
            let kind = KINDS.of_collection(&collection).ok_or_else(|| wrong(&at, "no such collection"))?;
            world.projects.values_mut().for_each(|project| project.unknown.retain(|api| *api != kind.service.host()));
            for (i, document) in parsed::<Vec<Value>>(documents, &at)?.into_iter().enumerate() {
                world.resources.push(resource(kind, document, &format!("{at}[{i}]"))?);
            }
        }
        for (i, later) in take_or_default::<Vec<Future>>(&mut fields, "future")?.into_iter().enumerate() {
            let kind = KINDS
                .of_collection(&later.collection)
                .ok_or_else(|| wrong(&format!("future[{i}].collection"), "no such collection"))?;
            world.resources.push(Resource { kind, path: later.path, from: Some(later.from), document: later.document });
        }
        match fields.keys().next() {
            Some(unknown) => Err(wrong(unknown, "unknown field")),
            None => Ok(world),
        }
    }

    pub fn written(&self) -> Value {
        let (mut resources, mut future) = (Map::new(), Vec::new());
        for Resource { kind, path, from, document } in &self.resources {
            let collection = kind.collection.to_owned();
            match (from, document) {
                (Some(from), document) => {
                    future.push(Future { from: *from, collection, path: path.clone(), document: document.clone() });
                }
                (None, document) => {
                    let list = resources.entry(collection).or_insert_with(|| json!([]));
                    list.as_array_mut().into_iter().for_each(|list| list.extend(document.clone()));
                }
            }
        }
        json!({
            "version": VERSION,
            "now": self.now,
            "seed": self.seed,
            "regions": self.regions,
            "projects": self.projects,
            "resources": resources,
            "policies": self.policies,
            "operations": self.operations,
            "future": future,
        })
    }
}

/// A document of a world file: it may have only the fields of its kind, and must have its path.
fn resource(kind: &'static Kind, document: Value, at: &str) -> Result<Resource, WorldError> {
    fields::check(kind.fields, &document, "").map_err(|refusal| wrong(at, refusal.message))?;
    let path = kind
        .path_of(&document)
        .ok_or_else(|| wrong(&format!("{at}.{}", kind.named_by()), "missing, or not a resource's path"))?;
    Ok(Resource { kind, path, from: None, document: Some(document) })
}

fn wrong(at: &str, why: impl ToString) -> WorldError {
    let at = if at.is_empty() { "document" } else { at };
    WorldError { at: at.to_owned(), why: why.to_string() }
}

fn parsed<T: DeserializeOwned>(value: Value, at: &str) -> Result<T, WorldError> {
    serde_json::from_value(value).map_err(|error| wrong(at, error))
}

fn take<T: DeserializeOwned>(fields: &mut Map<String, Value>, name: &str) -> Result<T, WorldError> {
    parsed(fields.remove(name).unwrap_or_default(), name)
}

fn take_or_default<T: DeserializeOwned + Default>(
    fields: &mut Map<String, Value>,
    name: &str,
) -> Result<T, WorldError> {
    Ok(take::<Option<T>>(fields, name)?.unwrap_or_default())
}
