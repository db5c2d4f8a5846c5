//! What a kind of resource is: where it lives, what its documents hold, what Google's rules about it are.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::sim::api::{errors::Refusal, fields::Field, fingerprint, links, service::Service};

use super::{clock::written, dice::Draw, documents::Standing};

/// One kind of resource: the row of a table that routes, the validator, the store and the audit log all read.
pub struct Kind {
    /// Its key in a world file, such as `compute.firewalls`.
    pub collection: &'static str,
    pub service: Service,
    /// The collection's segment in URLs.
    pub segment: &'static str,
    /// Whether it lives in a region.
    pub regional: bool,
    /// What its methods are called up to the verb, such as `run.projects.locations.jobs`.
    pub methods: &'static str,
    /// What its permissions are called up to the verb, such as `run.jobs`.
    pub permissions: &'static str,
    /// `compute#firewall`, or the name of the proto message.
    pub message: &'static str,
    pub fields: &'static [&'static [Field]],
    pub audited: Audited,
    pub rules: &'static dyn Rules,
}

/// How the audit log names the monitored resource.
pub struct Audited {
    pub resource: &'static str,
    /// The label that carries the name or the id.
    pub id: &'static str,
    /// The label that carries the region, where there is one.
    pub region: Option<&'static str>,
}

/// A document about to be written.
pub struct Draft<'a> {
    pub standing: Standing<'a>,
    pub now: Timestamp,
    pub draw: &'a Draw,
    pub project: &'a str,
    /// The project's number.
    pub number: &'a str,
    pub region: Option<&'a str>,
    /// All regions there are.
    pub regions: &'a [String],
    pub path: &'a str,
    /// The parameters of the call.
    pub query: &'a [(String, String)],
    /// What stands there now.
    pub before: Option<&'a Value>,
}

impl Draft<'_> {
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The mark of one version of a document.
    pub fn etag(&self) -> Value {
        fingerprint::of(&self.draw.hex(8).into()).into()
    }

    /// Writes down when a document was made and when it was last changed.
    pub fn date(&self, document: &mut Map<String, Value>) {
        document.entry("createTime").or_insert_with(|| written(self.now).into());
        document.insert("updateTime".to_owned(), written(self.now).into());
    }
}

/// A method of a kind's own, POSTed to a resource's path: it changes no more than the document.
pub struct CustomMethod {
    pub name: &'static str,
    pub body: &'static [Field],
    /// The verb of the permission that it asks for.
    pub permission: &'static str,
    pub apply: Apply,
}

/// Does to a document what a call and its body say.
pub type Apply = fn(&Draft<'_>, &mut Map<String, Value>, Map<String, Value>) -> Result<(), Refusal>;

/// What Google holds to beyond the table of fields. The defaults ask for nothing.
pub trait Rules: Sync {
    /// Fills in what Google fills in.
    fn complete(&self, _draft: &Draft<'_>, _document: &mut Map<String, Value>) {}

    /// Refuses what Google refuses at once.
    fn check(&self, _draft: &Draft<'_>, _document: &Map<String, Value>) -> Result<(), Refusal> {
        Ok(())
    }

    /// Permissions asked beside that on the resource itself: the permission, and the path it is asked for.
    fn further_permissions(&self, _document: &Map<String, Value>) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// What makes and goes with this resource: the documents Google writes beside it.
    fn companions(&self, _draft: &Draft<'_>, _document: &Map<String, Value>) -> Vec<(&'static Kind, String, Value)> {
        Vec::new()
    }

    fn custom_methods(&self) -> &'static [CustomMethod] {
        &[]
    }

    /// The collection whose resources this kind is a part of.
    fn within(&self) -> Option<&'static str> {
        None
    }

    /// What a list calls its items, where that is not the collection's segment.
    fn listed_as(&self) -> Option<&'static str> {
        None
    }

    /// The name of a new resource, from the id that its creation gives.
    fn name(&self, id: &str, _project: &str) -> String {
        id.to_owned()
    }

    /// What is left to be seen of a resource that is deleted.
    fn remains(&self, _document: &Value) -> Option<Value> {
        None
    }

    /// Who stands in the way of a deletion.
    fn user(&self, _standing: Standing<'_>, _path: &str) -> Option<String> {
        None
    }

    /// Fields that are computed when read.
    fn present(&self, _standing: Standing<'_>, _document: &mut Value) {}
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

    /// The field in which a document says where it belongs.
    pub fn named_by(&self) -> &'static str {
        match self.service {
            Service::Compute => "selfLink",
            Service::Logging => "resourceName",
            _ => "name",
        }
    }

    /// A document's own path, read off the document.
    pub fn path_of(&self, document: &Value) -> Option<String> {
        let link = document[self.named_by()].as_str()?;
        if self.service == Service::AppEngine {
            return links::of_app(link);
        }
        // A hierarchical policy belongs to no project.
        let start = link.find("projects/").or_else(|| link.find("locations/global/"))?;
        Some(link[start..].to_owned())
    }
}

/// A table of kinds: what can be named in a URL, in a world file and in an answer.
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
