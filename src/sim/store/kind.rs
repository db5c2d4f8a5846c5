//! A kind of resource: its place in URLs, its fields, and Google's rules for it.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::sim::api::{errors::Refusal, fields::Field, fingerprint, links, service::Service};

use super::{clock::written, dice::Draw, documents::Accepted};

/// One kind of resource: a table row that routing, validation, the store and the audit log share.
pub struct Kind {
    /// Its key in a world file, such as `compute.firewalls`.
    pub collection: &'static str,
    pub service: Service,
    /// The collection's segment in URLs.
    pub segment: &'static str,
    /// Whether it is regional.
    pub regional: bool,
    /// The prefix of its methods, such as `run.projects.locations.jobs`.
    pub methods: &'static str,
    /// The prefix of its permissions, such as `run.jobs`.
    pub permissions: &'static str,
    /// `compute#firewall`, or the name of the proto message.
    pub message: &'static str,
    pub fields: &'static [&'static [Field]],
    pub audited: Audited,
    pub rules: &'static dyn Rules,
}

/// The monitored resource of its audit log entries.
pub struct Audited {
    pub resource: &'static str,
    /// The label of the name or id.
    pub id: &'static str,
    /// The label of the region, if there is one.
    pub region: Option<&'static str>,
}

/// A document about to be written.
pub struct Draft<'a> {
    pub accepted: Accepted<'a>,
    pub now: Timestamp,
    pub draw: &'a Draw,
    pub project: &'a str,
    /// The project's number.
    pub number: &'a str,
    pub region: Option<&'a str>,
    /// All regions of the world.
    pub regions: &'a [String],
    pub path: &'a str,
    /// The parameters of the call.
    pub query: &'a [(String, String)],
    /// The existing document.
    pub before: Option<&'a Value>,
}

impl Draft<'_> {
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The etag of a new version.
    pub fn etag(&self) -> Value {
        fingerprint::of(&self.draw.hex(8).into()).into()
    }

    /// Sets `createTime` and `updateTime`.
    pub fn date(&self, document: &mut Map<String, Value>) {
        document.entry("createTime").or_insert_with(|| written(self.now).into());
        document.insert("updateTime".to_owned(), written(self.now).into());
    }
}

/// A custom method that only changes the document. <https://google.aip.dev/136>
pub struct CustomMethod {
    pub name: &'static str,
    pub body: &'static [Field],
    /// The verb of the permission that it needs.
    pub permission: &'static str,
    pub apply: Apply,
}

/// Applies a custom method and its body to a document.
pub type Apply = fn(&Draft<'_>, &mut Map<String, Value>, Map<String, Value>) -> Result<(), Refusal>;

/// Google's rules for a kind, beyond the table of fields. By default there are none.
pub trait Rules: Sync {
    /// Fills in defaults and output fields.
    fn complete(&self, _draft: &Draft<'_>, _document: &mut Map<String, Value>) {}

    /// Refuses an invalid document when the call is made.
    fn check(&self, _draft: &Draft<'_>, _document: &Map<String, Value>) -> Result<(), Refusal> {
        Ok(())
    }

    /// Permissions that a change needs on other resources, each with the path of the resource.
    fn further_permissions(&self, _document: &Map<String, Value>) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Documents that Google creates and deletes with this resource.
    fn companions(&self, _draft: &Draft<'_>, _document: &Map<String, Value>) -> Vec<(&'static Kind, String, Value)> {
        Vec::new()
    }

    fn custom_methods(&self) -> &'static [CustomMethod] {
        &[]
    }

    /// The collection of the parent resource.
    fn within(&self) -> Option<&'static str> {
        None
    }

    /// The field of the items in a list, if it is not the collection's segment.
    fn listed_as(&self) -> Option<&'static str> {
        None
    }

    /// The name of a new resource, from the id that its creation gives.
    fn name(&self, id: &str, _project: &str) -> String {
        id.to_owned()
    }

    /// The document that remains of a deleted resource.
    fn remains(&self, _document: &Value) -> Option<Value> {
        None
    }

    /// The resource whose use blocks a deletion.
    fn user(&self, _standing: Accepted<'_>, _path: &str) -> Option<String> {
        None
    }

    /// Computes fields for a read, and hides internal ones.
    fn present(&self, _standing: Accepted<'_>, _document: &mut Value) {}
}

/// A kind without rules of its own.
pub struct Plain;

impl Rules for Plain {}

impl Kind {
    /// The last part of the message's name: `Job`.
    pub fn noun(&self) -> &'static str {
        self.message.rsplit('.').next().unwrap_or_default()
    }

    /// The member of a request that holds one: `job`.
    pub fn member(&self) -> String {
        let noun = self.noun();
        format!("{}{}", noun[..1].to_lowercase(), &noun[1..])
    }

    /// The path of the collection in a project, region and resource, with a slash at its end.
    pub fn collection_path(&self, project: &str, region: Option<&str>, within: Option<&str>) -> String {
        let scope = match (self.service, region) {
            (Service::Compute, Some(region)) => format!("regions/{region}/"),
            (Service::AppEngine, _) => "apps/".to_owned(),
            (Service::NetworkConnectivity, _) => "locations/global/".to_owned(),
            (_, Some(region)) => format!("locations/{region}/"),
            (service, None) if service.is_flat() => String::new(),
            (_, None) => "global/".to_owned(),
        };
        let within = within.map(|outer| format!("{outer}/")).unwrap_or_default();
        format!("projects/{project}/{scope}{within}{}/", self.segment)
    }

    /// The field that has the document's path.
    pub fn named_by(&self) -> &'static str {
        match self.service {
            Service::Compute | Service::SqlAdmin => "selfLink",
            Service::Logging => "resourceName",
            _ => "name",
        }
    }

    /// The path of a document, from its fields.
    pub fn path_of(&self, document: &Value) -> Option<String> {
        let link = document[self.named_by()].as_str()?;
        if self.service == Service::AppEngine {
            return links::of_app(link);
        }
        // A hierarchical policy has no project.
        let start = link.find("projects/").or_else(|| link.find("locations/global/"))?;
        Some(link[start..].to_owned())
    }
}

/// A table of kinds, for lookups by URL, by collection and by message.
#[derive(Clone, Copy)]
pub struct Kinds(pub &'static [&'static Kind]);

impl Kinds {
    fn find(self, fits: impl Fn(&Kind) -> bool) -> Option<&'static Kind> {
        self.0.iter().copied().find(|kind| fits(kind))
    }

    pub fn of_collection(self, collection: &str) -> Option<&'static Kind> {
        self.find(|kind| kind.collection == collection)
    }

    pub fn of_message(self, message: &str) -> Option<&'static Kind> {
        self.find(|kind| kind.message == message)
    }

    pub fn at(self, service: Service, segment: &str, regional: bool) -> Option<&'static Kind> {
        self.find(|kind| kind.service == service && kind.segment == segment && kind.regional == regional)
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.collection == other.collection
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.collection)
    }
}
