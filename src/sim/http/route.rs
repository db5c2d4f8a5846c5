//! What a request is about: which service, which collection, which verb.

use http::Method;

use crate::sim::{api::service::Service, store::kind::Kind};

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    Kind(&'static Kind),
    Operations,
    /// `locations` of a service, `regions` of Compute.
    Locations,
    /// The APIs of a project.
    Apis,
    Project,
    /// Entries of the log.
    Entries,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Get,
    List,
    AggregatedList,
    Create,
    Patch,
    Update,
    Delete,
    /// A custom method, such as `setPrivateIpGoogleAccess`.
    Custom(&'static str),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    pub service: Service,
    pub version: String,
    /// Id or number, as in the URL.
    pub project: String,
    /// None is global.
    pub region: Option<String>,
    /// The parent resource of the collection, such as `secrets/S`.
    pub within: Option<String>,
    pub target: Target,
    pub name: Option<String>,
    pub verb: Verb,
}

impl Route {
    pub fn new(
        service: Service,
        version: &str,
        project: &str,
        region: Option<&str>,
        target: Target,
        name: Option<&str>,
        verb: Verb,
    ) -> Self {
        Self {
            service,
            version: version.to_owned(),
            project: project.to_owned(),
            region: region.map(str::to_owned),
            within: None,
            target,
            name: name.map(str::to_owned),
            verb,
        }
    }

    /// Whether the call uses Cloud Run's v1, whose resources have Knative's form. Their IAM policies do not.
    pub fn is_knative(&self) -> bool {
        let own = matches!(self.verb, Verb::Custom(name) if name != "run");
        self.service == Service::Run && self.version == "v1" && matches!(self.target, Target::Kind(_)) && !own
    }

    /// Google's name of the method, such as `compute.firewalls.insert`.
    pub fn method(&self) -> String {
        let verb = match (self.verb, self.service) {
            (Verb::Get, _) => "get",
            (Verb::List, _) => "list",
            (Verb::AggregatedList, _) => "aggregatedList",
            (Verb::Create, Service::Compute) => "insert",
            (Verb::Create, _) => "create",
            (Verb::Patch, _) => "patch",
            (Verb::Update, _) => "update",
            (Verb::Delete, _) => "delete",
            (Verb::Custom(name), _) => name,
        };
        let service = self.service.short();
        match (self.target, self.service) {
            (Target::Kind(kind), _) if self.is_knative() && self.verb == Verb::Update => {
                format!("run.namespaces.{}.replace{}", kind.segment, kind.noun())
            }
            (Target::Kind(kind), _) if self.is_knative() => format!("run.namespaces.{}.{verb}", kind.segment),
            (Target::Kind(kind), Service::Run)
                if self.within.as_ref().is_some_and(|it| it.starts_with("workerPools/")) =>
            {
                format!("{}.{verb}", kind.methods.replace("services", "workerPools"))
            }
            (Target::Kind(kind), _) => format!("{}.{verb}", kind.methods),
            (Target::Operations, Service::Compute) if self.region.is_some() => {
                format!("compute.regionOperations.{verb}")
            }
            (Target::Operations, Service::Compute) => format!("compute.globalOperations.{verb}"),
            (Target::Operations, _) => format!("{service}.projects.locations.operations.{verb}"),
            (Target::Locations, Service::Compute) => format!("compute.regions.{verb}"),
            (Target::Locations, _) => format!("{service}.projects.locations.{verb}"),
            (Target::Apis, _) => format!("serviceusage.services.{verb}"),
            (Target::Project, _) => format!("{service}.projects.{verb}"),
            (Target::Entries, _) => format!("{service}.entries.{verb}"),
        }
    }
}

/// The verb of a request for one resource.
pub fn on_one(method: &Method) -> Option<Verb> {
    match *method {
        Method::GET => Some(Verb::Get),
        Method::PATCH => Some(Verb::Patch),
        Method::PUT => Some(Verb::Update),
        Method::DELETE => Some(Verb::Delete),
        _ => None,
    }
}
