//! What the service is responsible for.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    names::{ProjectId, Region},
    policy::Policy,
};

/// The projects and regions whose events count: the policy's `scope`, with project numbers resolved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    pub projects: BTreeSet<ProjectId>,
    /// Shared VPC host projects whose events and connectors count.
    pub hosts: BTreeSet<ProjectId>,
    /// `None` is every region.
    pub regions: Option<BTreeSet<Region>>,
    /// Project number → id: Google writes either into resource names.
    pub numbers: BTreeMap<ProjectId, ProjectId>,
}

impl Scope {
    /// The scope of a policy, which names projects by id alone: no number is known.
    pub fn of(policy: &Policy) -> Self {
        let scope = &policy.scope;
        Self {
            projects: scope.projects.iter().cloned().collect(),
            hosts: scope.hosts.iter().cloned().collect(),
            regions: scope.regions.list().map(|regions| regions.iter().cloned().collect()),
            numbers: BTreeMap::new(),
        }
    }

    /// The project by its id, if it is in scope as a project or as a host. An empty scope holds nothing.
    pub fn find(&self, project: &ProjectId) -> Option<&ProjectId> {
        let id = self.id(project);
        self.projects.get(id).or_else(|| self.hosts.get(id))
    }

    /// Nothing is in scope.
    pub fn is_empty(&self) -> bool {
        self.projects.is_empty() && self.hosts.is_empty()
    }

    /// The id behind a project number; what is no known number comes back as it is.
    pub fn id<'a>(&'a self, project: &'a ProjectId) -> &'a ProjectId {
        self.numbers.get(project).unwrap_or(project)
    }

    pub fn has_region(&self, region: &Region) -> bool {
        self.regions.as_ref().is_none_or(|regions| regions.contains(region))
    }
}
