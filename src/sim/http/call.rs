//! One call: a request that has been routed.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::Value;

use crate::sim::{
    api::{
        errors::{Refusal, Shape},
        service::Service,
    },
    faults::{Fault, FaultKind, quotas::Bucket},
    store::{dice::Draw, documents::View},
};

use super::route::Route;

#[derive(Debug)]
pub struct Call {
    pub route: Route,
    /// Google's name of the method.
    pub method: String,
    /// The project's id, even if the URL has its number.
    pub project: String,
    /// The path of the resource or collection.
    pub path: String,
    pub query: Vec<(String, String)>,
    pub body: Value,
    pub caller: String,
    pub agent: String,
    pub now: Timestamp,
    pub draw: Draw,
    pub faults: Vec<Fault>,
    pub bucket: Option<Bucket>,
}

impl Call {
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The values of a repeated parameter.
    pub fn parameters<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn region(&self) -> Option<&str> {
        self.route.region.as_deref()
    }

    pub fn name(&self) -> &str {
        self.route.name.as_deref().unwrap_or_default()
    }

    pub fn shape(&self) -> Shape {
        if self.route.service == Service::Compute { Shape::Compute } else { Shape::Status }
    }

    pub fn fault(&self, kind: FaultKind) -> Option<&Fault> {
        self.faults.iter().find(|fault| fault.kind == kind)
    }

    /// Whether a list over all regions cannot show what stands at a path.
    pub fn is_unreachable(&self, path: &str) -> bool {
        let regions = self.unreachable();
        !regions.is_empty() && path.split('/').nth(3).is_some_and(|own| regions.iter().any(|region| region == own))
    }

    /// The regions that a list over all regions lacks.
    pub fn unreachable(&self) -> &[String] {
        self.fault(FaultKind::Unreachable).map(|fault| fault.regions.as_slice()).unwrap_or_default()
    }

    pub fn view(&self) -> View {
        View { stale: self.fault(FaultKind::Stale).is_some(), ..View::at(self.now) }
    }

    /// The body's object, `{}` when there is none.
    pub fn object(&self) -> Cow<'_, Value> {
        if self.body.is_null() { Cow::Owned(Value::Object(serde_json::Map::new())) } else { Cow::Borrowed(&self.body) }
    }

    /// One page of a list: at most `most` items, or the caller's page size.
    ///
    /// Returns the page and the token of the next one. A token is the path of the last item shown.
    pub fn page<'a, T>(
        &self,
        items: impl Iterator<Item = (&'a str, T)>,
        size: (&str, usize),
    ) -> Result<(Vec<T>, Option<String>), Refusal> {
        let size = self.page_size(size)?;
        let after = match self.parameter("pageToken").filter(|token| !token.is_empty()) {
            None => None,
            Some(token) => {
                Some(token_read(token).ok_or_else(|| Refusal::value("pageToken", token, "Invalid pagination token."))?)
            }
        };
        let looping = self.fault(FaultKind::PageLoop).is_some();
        let skipped = |path: &str| !looping && after.as_deref().is_some_and(|after| path <= after);
        let mut items = items.skip_while(move |(path, _)| skipped(path)).peekable();
        let (mut page, mut last) = (Vec::new(), None);
        while page.len() < size {
            let Some((path, item)) = items.next() else { break };
            last = Some(path.to_owned());
            page.push(item);
        }
        let more = items.peek().is_some() || looping;
        Ok((page, last.filter(|_| more).map(|path| token_written(&path))))
    }

    fn page_size(&self, (parameter, most): (&str, usize)) -> Result<usize, Refusal> {
        let Some(text) = self.parameter(parameter) else { return Ok(most) };
        match text.parse::<usize>() {
            Ok(0) => Ok(most),
            Ok(size) if size <= most => Ok(size),
            // <https://google.aip.dev/158>: a page size above the limit is lowered, except by Compute.
            Ok(_) if self.shape() == Shape::Status => Ok(most),
            Ok(_) => Err(Refusal::invalid(format!(
                "Invalid value for field '{parameter}': '{text}'. Value must be less than or equal to {most}."
            ))),
            Err(_) => Err(Refusal::bad_request(format!("Invalid value at '{parameter}' (TYPE_UINT32), \"{text}\""))),
        }
    }
}

fn token_written(path: &str) -> String {
    path.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn token_read(token: &str) -> Option<String> {
    let pairs = token.as_bytes().chunks(2);
    let bytes = pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    String::from_utf8(bytes.collect::<Option<Vec<_>>>()?).ok()
}
