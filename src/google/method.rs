//! API methods as data, and one call of one: the only place where URLs are made.

use ::http::Method as Verb;
use bytes::Bytes;
use reqwest::Url;
use serde::Serialize;
use uuid::Uuid;

use crate::google::{
    endpoints::Endpoints,
    error::CallError,
    governor::Key,
    quotas::{Quota, Scope},
    retry::Repeat,
};

/// The longest segment we send. Google's longest names have 63 characters.
const MAX_SEGMENT: usize = 128;
/// Names of topics and subscriptions have up to 255.
const MAX_WIDE_SEGMENT: usize = 255;

#[derive(Debug, Clone, Copy)]
pub(super) enum Api {
    Compute,
    VpcAccess,
    Run,
    ServiceUsage,
    ResourceManager,
    PubSub,
    Logging,
    OrgPolicy,
    NetworkConnectivity,
    Functions,
    AppEngine,
    Monitoring,
    SqlAdmin,
}

/// A method of one of Google's APIs, as its discovery document has it.
#[derive(Debug)]
pub(super) struct Method {
    /// Google's `id`, such as `compute.firewalls.insert`.
    pub id: &'static str,
    pub api: Api,
    pub verb: Verb,
    /// Relative to the API's base URL; what stands in braces is filled in, in order. `{+name}` takes the wider names of
    /// Pub/Sub, Logging and Organization Policy; a verb after a colon may follow.
    pub path: &'static str,
}

/// One call, ready to be sent as often as [`Repeat`] allows.
#[derive(Debug)]
pub(super) struct Call {
    pub name: &'static str,
    pub verb: Verb,
    pub url: Url,
    pub body: Option<Bytes>,
    pub repeat: Repeat,
    /// Where it takes its turn.
    pub bucket: Key,
}

impl Call {
    pub fn new(endpoints: &Endpoints, method: &Method, args: &[&str]) -> Result<Self, CallError> {
        let base = endpoints.of(method.api);
        let path = fill(method.id, method.path, args)?;
        let url =
            base.join(&path).map_err(|error| CallError::Unsendable { call: method.id, source: Box::new(error) })?;
        let repeat = if method.verb == Verb::GET { Repeat::Read } else { Repeat::IfNothingHappened };
        Ok(Self { name: method.id, verb: method.verb.clone(), url, body: None, repeat, bucket: bucket(method, args) })
    }

    pub fn query(mut self, key: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(key, value);
        self
    }

    /// The name of a resource: `template` filled like a path.
    pub fn named(&self, template: &str, args: &[&str]) -> Result<String, CallError> {
        fill(self.name, template, args)
    }

    /// A parameter that names a resource: `template` filled like a path.
    pub fn query_name(self, key: &str, template: &str, args: &[&str]) -> Result<Self, CallError> {
        let name = fill(self.name, template, args)?;
        Ok(self.query(key, &name))
    }

    pub fn json(mut self, body: &impl Serialize) -> Result<Self, CallError> {
        let text = serde_json::to_vec(body)
            .map_err(|error| CallError::Unsendable { call: self.name, source: Box::new(error) })?;
        self.body = Some(text.into());
        Ok(self)
    }

    /// A call that only reads, though its verb does not say so.
    pub fn reading(mut self) -> Self {
        self.repeat = Repeat::Read;
        self
    }

    /// A write of a whole list: what it was made from may be out of date by a second attempt.
    pub fn once(mut self, id: Uuid) -> Self {
        self.repeat = Repeat::Never;
        self.query("requestId", &id.to_string())
    }

    /// Compute does at most once what bears the same `requestId`, so such a call may be repeated freely.
    /// <https://cloud.google.com/compute/docs/reference/rest/v1/firewalls/insert#query-parameters>
    pub fn identified_by(mut self, id: Uuid) -> Self {
        self.repeat = Repeat::Freely;
        self.query("requestId", &id.to_string())
    }
}

/// Of the project and region that the path names, as far as the quota asks for them.
fn bucket(method: &Method, args: &[&str]) -> Key {
    let mut names = method.path.split('/').filter(|part| part.starts_with('{')).zip(args);
    let mut named = |wanted: [&str; 2]| {
        let (_, arg) = names.find(|(part, _)| wanted.iter().any(|name| part.starts_with(name)))?;
        Some((*arg).to_owned())
    };
    let (project, region) = (named(["{project}", "{app}"]), named(["{region}", "{location}"]));
    let quota = Quota::of(method.api, method.id, region.is_some());
    Key {
        quota,
        project: project.filter(|_| quota.scope != Scope::Caller),
        region: region.filter(|_| quota.scope == Scope::Region),
    }
}

/// Puts `args` where `template` has braces, and refuses any that could reach elsewhere.
fn fill(call: &'static str, template: &str, args: &[&str]) -> Result<String, CallError> {
    let mut args = args.iter().copied();
    let mut path = String::with_capacity(template.len());
    for part in template.split('/') {
        if !path.is_empty() {
            path.push('/');
        }
        match part.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some((name, verb)) => {
                // A missing argument is empty, and refused like any other empty one.
                let arg = args.next().unwrap_or_default();
                path.push_str(checked(call, arg, name.starts_with('+'))?);
                path.push_str(verb);
            }
            None => path.push_str(part),
        }
    }
    Ok(path)
}

/// `[a-z0-9]([-a-z0-9.:]*[a-z0-9])?`: what Google's names, project ids (`example.com:app`) and numbers are made of. A wide
/// name may also have capitals, and `_`, `~` and `+` inside: <https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names>.
fn checked<'a>(call: &'static str, segment: &'a str, wide: bool) -> Result<&'a str, CallError> {
    let edge = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || wide && byte.is_ascii_uppercase();
    let inner =
        |byte: &u8| edge(byte) || matches!(byte, b'-' | b'.' | b':') || wide && matches!(byte, b'_' | b'~' | b'+');
    let bytes = segment.as_bytes();
    let good = bytes.first().is_some_and(edge)
        && bytes.last().is_some_and(|byte| if wide { inner(byte) } else { edge(byte) })
        && bytes.iter().all(inner)
        && bytes.len() <= if wide { MAX_WIDE_SEGMENT } else { MAX_SEGMENT };
    if good { Ok(segment) } else { Err(CallError::bad_segment(call, segment)) }
}
