//! What a call to Google told, or why it did not.

use serde::Serialize;

/// What one call told, or why it did not: a rule that needs `T` takes `T`, so a failed read can lead to no step.
pub type Read<T> = Result<T, ReadFailure>;

/// Why a read failed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadFailure {
    /// Google's name of the method.
    pub call: String,
    pub kind: FailureKind,
    /// Google's sentence, or ours where no answer came.
    pub message: String,
    /// The project, by id or number, that Google says the refusal is about: whose API is not enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer: Option<String>,
}

impl ReadFailure {
    /// Of what was not asked for.
    pub const NOT_ASKED: Self =
        Self { call: String::new(), kind: FailureKind::NotAsked, message: String::new(), consumer: None };

    /// There is no such thing.
    pub fn is_absent(&self) -> bool {
        self.kind == FailureKind::Absent
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    Denied {
        permission: Option<String>,
    },
    ApiDisabled,
    /// A quota of resources is used up.
    Quota,
    /// An organization policy forbids it.
    OrgPolicy {
        /// `constraints/NAME` or `customConstraints/NAME`.
        constraint: Option<String>,
    },
    /// The region is not open to the project, or does not have this service.
    RegionClosed,
    /// The address range is taken.
    AddressConflict,
    Absent,
    /// Not asked for, so that nothing is known of it.
    NotAsked,
    /// Worth asking again: the run answers 429.
    Transient,
    Invalid,
}
