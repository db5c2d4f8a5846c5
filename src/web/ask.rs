//! The body of `POST /sweep`: `{"projects": [], "regions": [], "dry_run": false}`. Empty is everything.

use std::fmt;

use serde_json::{Map, Value};

use super::problem::Problem;
use crate::domain::{
    audit::scope::Scope,
    fields::Fields,
    names::{ProjectId, Region},
};

/// Which targets to sweep, and how.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SweepRequest {
    /// None named = all of the policy.
    pub projects: Vec<ProjectId>,
    /// None named = all of the policy.
    pub regions: Vec<Region>,
    pub dry_run: bool,
}

/// What is wrong with the body, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct FieldError {
    field: String,
    found: String,
    expected: &'static str,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: found {}, expected {}", self.field, self.found, self.expected)
    }
}

impl From<FieldError> for Problem {
    fn from(wrong: FieldError) -> Self {
        Self::bad(wrong.to_string())
    }
}

impl FieldError {
    pub fn new(field: impl Into<String>, found: &str, expected: &'static str) -> Self {
        /// Enough to know it again.
        const MAX_SHOWN: usize = 80;
        Self { field: field.into(), found: found.chars().take(MAX_SHOWN).collect(), expected }
    }
}

impl SweepRequest {
    /// Whether it asks for everything, and for all of it to be done.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Reads a body. Any content type will do: Cloud Scheduler sends an empty body as `application/octet-stream`.
    pub fn parse(body: &[u8], scope: &Scope) -> Result<Self, FieldError> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let fields: Map<String, Value> = match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => fields,
            Ok(other) => return Err(FieldError::new("body", &other.to_string(), "a JSON object")),
            Err(error) => return Err(FieldError::new("body", &error.to_string(), "a JSON object")),
        };
        // Of a key given twice nobody can say which was meant.
        if let Err(error) = Fields::parse(&String::from_utf8_lossy(body)) {
            return Err(FieldError::new("body", &error.to_string(), "a JSON object"));
        }
        let mut ask = Self::default();
        for (field, value) in &fields {
            match field.as_str() {
                "projects" => ask.projects = names(field, value, |name| project(name, scope))?,
                "regions" => ask.regions = names(field, value, |name| region(name, scope))?,
                "dry_run" => {
                    ask.dry_run =
                        value.as_bool().ok_or_else(|| FieldError::new(field, &value.to_string(), "true or false"))?;
                }
                _ => {
                    return Err(FieldError::new("body", &format!("the key {field:?}"), "projects, regions or dry_run"));
                }
            }
        }
        Ok(ask)
    }
}

fn names<T>(field: &str, value: &Value, read: impl Fn(&str) -> Result<T, &'static str>) -> Result<Vec<T>, FieldError> {
    let items = value.as_array().ok_or_else(|| FieldError::new(field, &value.to_string(), "a list of names"))?;
    let named = items.iter().enumerate().map(|(index, item)| {
        let wrong = |expected| FieldError::new(format!("{field}[{index}]"), &item.to_string(), expected);
        read(item.as_str().ok_or_else(|| wrong("a name"))?).map_err(wrong)
    });
    named.collect()
}

fn project(name: &str, scope: &Scope) -> Result<ProjectId, &'static str> {
    let project = ProjectId::parse(name).map_err(|error| error.expected)?;
    scope.find(&project).cloned().ok_or("one of the policy's scope.projects and scope.hosts")
}

fn region(name: &str, scope: &Scope) -> Result<Region, &'static str> {
    let region = Region::parse(name).map_err(|error| error.expected)?;
    scope.has_region(&region).then_some(region).ok_or("one of the policy's scope.regions")
}
