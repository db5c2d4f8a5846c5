//! Why an event leads to nothing.

use std::fmt;

use crate::domain::names::shorten;

/// The event is well and not ours to act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IgnoreReason {
    NotAudit,
    DataAccess,
    PolicyDenied,
    OtherLog,
    OtherService,
    OtherMethod,
    Read,
    IamPolicy,
    /// A job ran: nothing was deployed.
    Execution,
    OwnChange,
    /// Google's own agent, working on a connector's hidden resources.
    GoogleAgent,
    /// A hidden resource of a connector.
    HiddenObject,
    /// The entry of the operation's end will come.
    OperationStarted,
    /// The call was refused at once and changed nothing.
    Refused,
    ValidateOnly,
    /// A part of a split entry that says too little; another part says the rest.
    SplitPart,
    /// An organization's or folder's resource names no project, and the change is none that reaches below.
    NoOneProject,
}

impl IgnoreReason {
    /// The reason as metrics and logs name it.
    pub fn label(self) -> &'static str {
        match self {
            Self::NotAudit => "not-audit",
            Self::DataAccess => "data-access",
            Self::PolicyDenied => "policy-denied",
            Self::OtherLog => "other-log",
            Self::OtherService => "other-service",
            Self::OtherMethod => "other-method",
            Self::Read => "read",
            Self::IamPolicy => "iam-policy",
            Self::Execution => "execution",
            Self::OwnChange => "own-change",
            Self::GoogleAgent => "google-agent",
            Self::HiddenObject => "hidden-object",
            Self::OperationStarted => "operation-started",
            Self::Refused => "refused",
            Self::ValidateOnly => "validate-only",
            Self::SplitPart => "split-part",
            Self::NoOneProject => "no-one-project",
        }
    }
}

/// The event cannot be acted on, and a person may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectReason {
    kind: RejectKind,
    field: &'static str,
    found: String,
    expected: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum RejectKind {
    Malformed,
    NoProject,
    ProjectMismatch,
    NoRegion,
    OutOfScope,
}

impl RejectReason {
    /// The entry names no region at all.
    pub fn lacks_region(&self) -> bool {
        self.kind == RejectKind::NoRegion
    }

    pub fn malformed(field: &'static str, found: &str, expected: &'static str) -> Self {
        Self::new(RejectKind::Malformed, field, found, expected)
    }

    pub fn no_project(found: &str) -> Self {
        Self::new(RejectKind::NoProject, "resource.labels.project_id", found, "a project id, there or in resourceName")
    }

    /// Two members of the entry name different projects, so neither can be believed.
    pub fn project_mismatch(field: &'static str, found: &str) -> Self {
        Self::new(RejectKind::ProjectMismatch, field, found, "the project that the entry's other members name")
    }

    pub fn no_region(found: &str) -> Self {
        Self::new(RejectKind::NoRegion, "resource.labels.location", found, "a region, there or in resourceName")
    }

    pub fn out_of_scope(field: &'static str, found: &str) -> Self {
        Self::new(RejectKind::OutOfScope, field, found, "one in the policy's scope")
    }

    fn new(kind: RejectKind, field: &'static str, found: &str, expected: &'static str) -> Self {
        Self { kind, field, found: shorten(found), expected }
    }

    /// The reason as metrics and logs name it.
    pub fn label(&self) -> &'static str {
        match self.kind {
            RejectKind::Malformed => "malformed",
            RejectKind::NoProject => "no-project",
            RejectKind::ProjectMismatch => "project-mismatch",
            RejectKind::NoRegion => "no-region",
            RejectKind::OutOfScope => "out-of-scope",
        }
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: found {:?}, expected {}", self.field, self.found, self.expected)
    }
}

/// Either of the two, so that a rule can end the decision with `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Skip {
    Ignored(IgnoreReason),
    Rejected(RejectReason),
}

impl From<IgnoreReason> for Skip {
    fn from(reason: IgnoreReason) -> Self {
        Self::Ignored(reason)
    }
}

impl From<RejectReason> for Skip {
    fn from(reason: RejectReason) -> Self {
        Self::Rejected(reason)
    }
}
