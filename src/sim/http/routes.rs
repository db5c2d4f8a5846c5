//! From a URL to what is meant: which service, which collection, which verb.

use http::{HeaderMap, Method, Uri};

use crate::sim::{
    api::service::Service,
    http::{
        app_routes as appengine, flat_routes as flat_urls,
        hosts::{region_of, service_of},
    },
    services::run::revisions,
    store::kind::Kind,
};

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
    /// A method of the resource's own, such as `setPrivateIpGoogleAccess`.
    Own(&'static str),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    pub service: Service,
    pub version: String,
    /// Id or number, as it was written.
    pub project: String,
    /// None is global.
    pub region: Option<String>,
    /// The resource that the collection is a part of, such as `secrets/S`.
    pub within: Option<String>,
    pub target: Target,
    pub name: Option<String>,
    pub verb: Verb,
}

impl Route {
    /// Reads a request line; None is a URL that no service here knows.
    pub fn read(method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Self> {
        let (service, path) = service_of(uri, headers)?;
        let decoded = percent_decoded(path)?;
        let segments: Vec<&str> = decoded.split('/').filter(|segment| !segment.is_empty()).collect();
        match (service, segments.as_slice()) {
            (Service::Run, ["apis", _, version, "namespaces", project, rest @ ..]) => {
                collection(service, method, version, project, region_of(uri, headers), rest)
            }
            (Service::Compute, ["compute", version, "projects", project, rest @ ..]) => {
                compute(method, version, project, rest)
            }
            (Service::Usage, [version, "projects", project, "services", rest @ ..]) => {
                apis(method, version, project, rest)
            }
            (Service::Usage, [version, "projects", project, batch]) => {
                let verb = match (method.as_str(), *batch) {
                    ("GET", "services:batchGet") => Verb::Own("batchGet"),
                    ("POST", "services:batchEnable") => Verb::Own("batchEnable"),
                    _ => return None,
                };
                Some(Self::new(service, version, project, None, Target::Apis, None, verb))
            }
            (Service::ResourceManager, [version, "projects", project]) => flat_urls::project(method, version, project),
            (Service::VpcAccess | Service::Run, [version, "projects", project, "locations", rest @ ..]) => {
                located(service, method, version, project, rest)
            }
            // The project is named in the body.
            (Service::Logging, [version, "entries:list"]) if method == Method::POST => {
                Some(Self::new(service, version, "", None, Target::Entries, None, Verb::List))
            }
            (Service::AppEngine, [version, "apps", app, rest @ ..]) => appengine::route(method, version, app, rest),
            (service, segments) if service.is_flat() => flat_urls::route(service, method, segments),
            _ => None,
        }
    }

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

    /// Whether Cloud Run is spoken to in its v1, whose resources have Knative's form. Their IAM policies have not.
    pub fn is_knative(&self) -> bool {
        let own = matches!(self.verb, Verb::Own(_));
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
            (Verb::Own(name), _) => name,
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

pub fn percent_decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let hex = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&hex).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn compute(method: &Method, version: &str, project: &str, rest: &[&str]) -> Option<Route> {
    let route =
        |region, target, name, verb| Some(Route::new(Service::Compute, version, project, region, target, name, verb));
    match rest {
        [] if method == Method::GET => route(None, Target::Project, None, Verb::Get),
        ["regions"] if method == Method::GET => route(None, Target::Locations, None, Verb::List),
        ["regions", region] if method == Method::GET => route(Some(region), Target::Locations, None, Verb::Get),
        ["aggregated", "operations"] if method == Method::GET => {
            route(None, Target::Operations, None, Verb::AggregatedList)
        }
        ["aggregated", segment] if method == Method::GET => {
            let kind = Kind::at(Service::Compute, segment, true)?;
            route(None, Target::Kind(kind), None, Verb::AggregatedList)
        }
        ["global", rest @ ..] => collection(Service::Compute, method, version, project, None, rest),
        ["regions", region, rest @ ..] => collection(Service::Compute, method, version, project, Some(region), rest),
        _ => None,
    }
}

/// Cloud Run and VPC Access: everything lives in a location.
fn located(service: Service, method: &Method, version: &str, project: &str, rest: &[&str]) -> Option<Route> {
    match rest {
        [] if method == Method::GET => {
            Some(Route::new(service, version, project, None, Target::Locations, None, Verb::List))
        }
        [region, owner @ ("services" | "workerPools"), name, "revisions", rest @ ..]
            if service == Service::Run && method == Method::GET && rest.len() <= 1 =>
        {
            let verb = if rest.is_empty() { Verb::List } else { Verb::Get };
            let target = Target::Kind(&revisions::KIND);
            let route = Route::new(service, version, project, Some(region), target, rest.first().copied(), verb);
            Some(Route { within: Some(format!("{owner}/{name}")), ..route })
        }
        [region, rest @ ..] if !rest.is_empty() => collection(service, method, version, project, Some(region), rest),
        _ => None,
    }
}

fn apis(method: &Method, version: &str, project: &str, rest: &[&str]) -> Option<Route> {
    let route = |name, verb| Some(Route::new(Service::Usage, version, project, None, Target::Apis, name, verb));
    match rest {
        [] if method == Method::GET => route(None, Verb::List),
        [name] if method == Method::GET => route(Some(*name), Verb::Get),
        [name] if method == Method::POST => route(Some(name.strip_suffix(":enable")?), Verb::Own("enable")),
        _ => None,
    }
}

/// `COLLECTION`, `COLLECTION/NAME`, `COLLECTION/NAME/VERB`, and Cloud Run's `COLLECTION/NAME:VERB`.
fn collection(
    service: Service,
    method: &Method,
    version: &str,
    project: &str,
    region: Option<&str>,
    rest: &[&str],
) -> Option<Route> {
    let segment = *rest.first()?;
    let target = if segment == "operations" {
        Target::Operations
    } else {
        // Cloud Run's kinds are regional even where a host without a region asks for those of all regions.
        let kind = Kind::at(service, segment, region.is_some() || service == Service::Run)?;
        // A part of another resource is found below it.
        Some(kind).filter(|kind| kind.rules.within().is_none()).map(Target::Kind)?
    };
    let (name, verb) = match rest {
        [_] => (None, if method == Method::GET { Verb::List } else { only(method, Method::POST, Verb::Create)? }),
        // The regional form of this method hangs on the collection, the network is a parameter.
        [_, "getEffectiveFirewalls"] if segment == "firewallPolicies" => {
            (None, only(method, Method::GET, Verb::Own("getEffectiveFirewalls"))?)
        }
        [_, name] if service == Service::Run && name.contains(':') => {
            let (name, verb) = name.split_once(':')?;
            (Some(name), on_iam_policy(method, verb)?)
        }
        [_, name] => (Some(*name), on_one(method)?),
        [_, name, "getEffectiveFirewalls"] if segment == "networks" => {
            (Some(*name), only(method, Method::GET, Verb::Own("getEffectiveFirewalls"))?)
        }
        [_, name, "getRouterStatus"] if segment == "routers" => {
            (Some(*name), only(method, Method::GET, Verb::Own("getRouterStatus"))?)
        }
        [_, name, "listPeeringRoutes"] if segment == "networks" => {
            (Some(*name), only(method, Method::GET, Verb::Own("listPeeringRoutes"))?)
        }
        [_, name, verb] if service == Service::Compute => {
            (Some(*name), only(method, Method::POST, Verb::Own(own(target, verb)?))?)
        }
        _ => return None,
    };
    Some(Route::new(service, version, project, region, target, name, verb))
}

/// The methods of Compute's own that are POSTed.
fn own(target: Target, verb: &str) -> Option<&'static str> {
    match target {
        Target::Kind(kind) => kind.rules.own().iter().find(|own| own.name == verb).map(|own| own.name),
        Target::Operations => (verb == "wait").then_some("wait"),
        _ => None,
    }
}

fn on_iam_policy(method: &Method, verb: &str) -> Option<Verb> {
    match (method.as_str(), verb) {
        ("GET", "getIamPolicy") => Some(Verb::Own("getIamPolicy")),
        ("POST", "setIamPolicy") => Some(Verb::Own("setIamPolicy")),
        ("POST", "testIamPermissions") => Some(Verb::Own("testIamPermissions")),
        _ => None,
    }
}

fn only(method: &Method, wanted: Method, verb: Verb) -> Option<Verb> {
    (*method == wanted).then_some(verb)
}

pub fn on_one(method: &Method) -> Option<Verb> {
    match *method {
        Method::GET => Some(Verb::Get),
        Method::PATCH => Some(Verb::Patch),
        Method::PUT => Some(Verb::Update),
        Method::DELETE => Some(Verb::Delete),
        _ => None,
    }
}
