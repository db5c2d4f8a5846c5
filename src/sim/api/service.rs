//! The simulated services: each has a host, and an API that a project enables.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Compute,
    VpcAccess,
    Run,
    Usage,
    ResourceManager,
    PubSub,
    Logging,
    OrgPolicy,
    NetworkConnectivity,
    Iam,
    ArtifactRegistry,
    SecretManager,
    Scheduler,
    Monitoring,
    Functions,
    AppEngine,
    SqlAdmin,
}

impl Service {
    /// Each with the first label of its host name and the title of its API.
    const ALL: [(Self, &'static str, &'static str); 17] = [
        (Self::Compute, "compute", "Compute Engine API"),
        (Self::VpcAccess, "vpcaccess", "Serverless VPC Access API"),
        (Self::Run, "run", "Cloud Run Admin API"),
        (Self::Usage, "serviceusage", "Service Usage API"),
        (Self::ResourceManager, "cloudresourcemanager", "Cloud Resource Manager API"),
        (Self::PubSub, "pubsub", "Cloud Pub/Sub API"),
        (Self::Logging, "logging", "Cloud Logging API"),
        (Self::OrgPolicy, "orgpolicy", "Organization Policy API"),
        (Self::NetworkConnectivity, "networkconnectivity", "Network Connectivity API"),
        (Self::Iam, "iam", "Identity and Access Management (IAM) API"),
        (Self::ArtifactRegistry, "artifactregistry", "Artifact Registry API"),
        (Self::SecretManager, "secretmanager", "Secret Manager API"),
        (Self::Scheduler, "cloudscheduler", "Cloud Scheduler API"),
        (Self::Monitoring, "monitoring", "Cloud Monitoring API"),
        (Self::Functions, "cloudfunctions", "Cloud Functions API"),
        (Self::AppEngine, "appengine", "App Engine Admin API"),
        (Self::SqlAdmin, "sqladmin", "Cloud SQL Admin API"),
    ];

    pub fn all() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().map(|(service, ..)| service)
    }

    fn row(self) -> (&'static str, &'static str) {
        // The table has a row for every service.
        Self::ALL
            .into_iter()
            .find(|(service, ..)| *service == self)
            .map_or(("", ""), |(_, short, title)| (short, title))
    }

    /// Services that a world file may leave out: see `Project::unknown`.
    pub fn is_optional(self) -> bool {
        matches!(self, Self::Functions | Self::AppEngine | Self::SqlAdmin)
    }

    /// The first label of its host name.
    pub fn short(self) -> &'static str {
        self.row().0
    }

    pub fn title(self) -> &'static str {
        self.row().1
    }

    /// Whether its changes need no operation and have no audit entries.
    pub fn is_flat(self) -> bool {
        !matches!(self, Self::Compute | Self::VpcAccess | Self::Run | Self::Usage | Self::ResourceManager)
    }

    pub fn host(self) -> String {
        format!("{}.googleapis.com", self.short())
    }

    pub fn named(short: &str) -> Option<Self> {
        Self::all().find(|service| service.short() == short)
    }
}
