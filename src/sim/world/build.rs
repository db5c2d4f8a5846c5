//! Builds worlds in code.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::sim::{
    api::{links, service::Service},
    services::KINDS,
    state::{Project, all_apis},
};

use super::{
    Resource, World,
    regions::{All, Regions},
};

impl World {
    /// A world with one empty project: every API is enabled, every caller has every permission.
    pub fn with_project(id: &str, number: &str) -> Self {
        let nothing = Self {
            now: None,
            seed: 0,
            regions: ["europe-west1", "us-central1"].map(str::to_owned).to_vec(),
            projects: BTreeMap::new(),
            resources: Vec::new(),
            policies: BTreeMap::new(),
            operations: Vec::new(),
        };
        nothing.project(id, number)
    }

    pub fn project(mut self, id: &str, number: &str) -> Self {
        let project = Project { number: number.to_owned(), apis: all_apis(), ..Project::default() };
        self.projects.insert(id.to_owned(), project);
        self
    }

    /// Grants permissions to a caller, as globs. Other callers then have only what they are granted.
    pub fn allow(mut self, project: &str, email: &str, permissions: &[&str]) -> Self {
        if let Some(project) = self.projects.get_mut(project) {
            let globs = permissions.iter().map(|glob| (*glob).to_owned()).collect();
            project.iam.get_or_insert_default().insert(email.to_owned(), globs);
        }
        self
    }

    pub fn without_api(mut self, project: &str, api: &str) -> Self {
        if let Some(project) = self.projects.get_mut(project) {
            project.apis.retain(|enabled| enabled != api);
        }
        self
    }

    /// Every region of Cloud Run.
    pub fn everywhere(self) -> Self {
        Self { regions: Regions::Every(All::All).names(), ..self }
    }

    pub fn topic(self, path: &str) -> Self {
        self.document("pubsub.topics", path, json!({}))
    }

    /// A custom mode network with its route to the internet.
    pub fn network(self, project: &str, name: &str) -> Self {
        let path = format!("projects/{project}/global/networks/{name}");
        let gateway = format!("projects/{project}/global/gateways/default-internet-gateway");
        let route = format!("default-route-{name}");
        self.document("compute.networks", &path, json!({"name": name, "autoCreateSubnetworks": false})).document(
            "compute.routes",
            &format!("projects/{project}/global/routes/{route}"),
            json!({
                "name": route,
                "network": links::full(&path),
                "destRange": "0.0.0.0/0",
                "nextHopGateway": links::full(&gateway),
            }),
        )
    }

    pub fn subnetwork(self, project: &str, region: &str, name: &str, network: &str, range: &str) -> Self {
        self.document(
            "compute.subnetworks",
            &format!("projects/{project}/regions/{region}/subnetworks/{name}"),
            json!({
                "name": name,
                "network": links::full(&format!("projects/{project}/global/networks/{network}")),
                "region": links::full(&format!("projects/{project}/regions/{region}")),
                "ipCidrRange": range,
            }),
        )
    }

    /// A document of a collection at a path, without the fields that Google fills in. An unknown collection is ignored.
    pub fn document(mut self, collection: &str, path: &str, mut document: Value) -> Self {
        if let Some(kind) = KINDS.of_collection(collection) {
            let is_compute = kind.service == Service::Compute;
            let name = if is_compute { links::full(path) } else { path.to_owned() };
            document[kind.named_by()] = name.into();
            let path = kind.path_of(&document).unwrap_or_else(|| path.to_owned());
            self.resources.push(Resource { kind, path, from: None, document: Some(document) });
        }
        self
    }
}
