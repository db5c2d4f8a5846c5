//! Errors of Google's APIs, in the form of each service.

use serde_json::{Value, json};

/// A canonical error code: its HTTP status, its number and its name in `google.rpc.Code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    pub http: u16,
    pub number: i32,
    pub name: &'static str,
}

const fn code(http: u16, number: i32, name: &'static str) -> Code {
    Code { http, number, name }
}

impl Code {
    pub const INVALID_ARGUMENT: Self = code(400, 3, "INVALID_ARGUMENT");
    pub const FAILED_PRECONDITION: Self = code(400, 9, "FAILED_PRECONDITION");
    pub const PERMISSION_DENIED: Self = code(403, 7, "PERMISSION_DENIED");
    pub const NOT_FOUND: Self = code(404, 5, "NOT_FOUND");
    pub const ALREADY_EXISTS: Self = code(409, 6, "ALREADY_EXISTS");
    pub const ABORTED: Self = code(409, 10, "ABORTED");
    pub const RESOURCE_EXHAUSTED: Self = code(429, 8, "RESOURCE_EXHAUSTED");
    const ALL: [Self; 8] = [
        Self::INVALID_ARGUMENT,
        Self::PERMISSION_DENIED,
        Self::NOT_FOUND,
        Self::ALREADY_EXISTS,
        Self::RESOURCE_EXHAUSTED,
        code(401, 16, "UNAUTHENTICATED"),
        code(503, 14, "UNAVAILABLE"),
        code(504, 4, "DEADLINE_EXCEEDED"),
    ];

    /// The code Google's front end gives an HTTP status.
    pub fn of_http(status: u16) -> Self {
        match status {
            412 => code(412, 9, "FAILED_PRECONDITION"),
            _ => Self::ALL.into_iter().find(|code| code.http == status).unwrap_or(code(status, 13, "INTERNAL")),
        }
    }
}

/// The error of a refused call.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub code: Code,
    /// Compute's `errors[].reason`.
    pub reason: String,
    pub message: String,
    /// `google.rpc` detail messages.
    pub details: Vec<Value>,
}

/// The two families of error documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `{code, message, errors: [{message, domain, reason}]}`, without `status` unless there are details.
    Compute,
    /// `{code, message, status, details}`: <https://google.aip.dev/193>.
    Status,
}

impl Refusal {
    pub fn new(code: Code, reason: &str, message: impl Into<String>) -> Self {
        Self { code, reason: reason.to_owned(), message: message.into(), details: Vec::new() }
    }

    /// An invalid value.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::INVALID_ARGUMENT, "invalid", message)
    }

    /// Compute's message for an invalid value of a field.
    pub fn value(at: &str, value: &str, why: &str) -> Self {
        Self::invalid(format!("Invalid value for field '{at}': '{value}'. {why}"))
    }

    /// A body that does not match the method's schema.
    pub fn bad_request(message: impl Into<String>) -> Self {
        let message = message.into();
        let violation = json!({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"description": message}]});
        Self::new(Code::INVALID_ARGUMENT, "badRequest", message).with(violation)
    }

    pub fn required(field: &str) -> Self {
        Self::new(Code::INVALID_ARGUMENT, "required", format!("Required field '{field}' not specified"))
    }

    /// Compute's 404.
    pub fn not_found(path: &str) -> Self {
        Self::new(Code::NOT_FOUND, "notFound", format!("The resource '{path}' was not found"))
    }

    /// A network or subnetwork with a change in progress.
    pub fn not_ready(path: &str) -> Self {
        Self::new(Code::INVALID_ARGUMENT, "resourceNotReady", format!("The resource '{path}' is not ready"))
    }

    pub fn with(mut self, detail: Value) -> Self {
        self.details.push(detail);
        self
    }

    pub fn document(&self, shape: Shape) -> Value {
        let mut error = json!({"code": self.code.http, "message": self.message});
        if shape == Shape::Compute {
            error["errors"] = json!([{"message": self.message, "domain": "global", "reason": self.reason}]);
        }
        if shape == Shape::Status || !self.details.is_empty() {
            error["status"] = self.code.name.into();
        }
        if !self.details.is_empty() {
            error["details"] = self.details.clone().into();
        }
        json!({"error": error})
    }

    /// The `google.rpc.Status` of an audit entry or a failed operation.
    pub fn status(&self) -> Value {
        json!({"code": self.code.number, "message": self.message})
    }
}
