//! The span of a request: every log line within it tells the path and the trace.
//!
//! Most entries mean nothing and leave no line, and a span is not free. So it is opened where there is something to tell.

use http::{HeaderMap, Method, request::Parts};
use tracing::{Span, field::Empty};

use super::logs::printable;

/// What a span tells of a request. It outlives the request and owns what it tells: a slice of the request would keep the
/// whole buffer that it was read into, for as long as thousands may wait.
pub struct RequestTrace {
    method: Method,
    path: Box<str>,
    id: Option<TraceId>,
}

/// 32 hexadecimal digits.
type TraceId = [u8; 32];

impl RequestTrace {
    pub fn of(head: &Parts) -> Self {
        Self { method: head.method.clone(), path: head.uri.path().into(), id: trace_id(&head.headers) }
    }

    /// The span around what is told of it.
    pub fn span(&self) -> Span {
        let path = printable(&self.path);
        let span =
            tracing::info_span!("request", method = self.method.as_str(), path = path.as_ref(), trace_id = Empty);
        if let Some(id) = self.id.as_ref().and_then(|id| str::from_utf8(id).ok()) {
            span.record("trace_id", id);
        }
        span
    }
}

/// From `traceparent` (<https://www.w3.org/TR/trace-context/>), else from `X-Cloud-Trace-Context`
/// (<https://cloud.google.com/trace/docs/trace-context>): 32 hexadecimal digits, not all zero.
fn trace_id(headers: &HeaderMap) -> Option<TraceId> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let w3c = || text("traceparent")?.split('-').nth(1).and_then(digits);
    let google = || text("x-cloud-trace-context")?.split('/').next().and_then(digits);
    w3c().or_else(google)
}

fn digits(id: &str) -> Option<TraceId> {
    let id: TraceId = id.as_bytes().try_into().ok()?;
    (id.iter().all(u8::is_ascii_hexdigit) && id.iter().any(|digit| *digit != b'0')).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_header() {
        const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
        let cases = [
            ("traceparent", format!("00-{ID}-00f067aa0ba902b7-01"), Some(ID)),
            ("traceparent", format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), None),
            ("traceparent", ID.to_owned(), None),
            ("x-cloud-trace-context", format!("{ID}/123;o=1"), Some(ID)),
            ("x-cloud-trace-context", ID.to_owned(), Some(ID)),
            ("x-cloud-trace-context", format!("{}\"/1", &ID[..31]), None),
            ("x-cloud-trace-context", String::new(), None),
        ];
        for (name, value, expected) in cases {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
            assert_eq!(trace_id(&headers).as_ref().map(|id| str::from_utf8(id).unwrap()), expected, "{name}: {value}");
        }
    }
}
