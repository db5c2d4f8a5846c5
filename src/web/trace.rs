//! The span of a request: every log line within it tells the path and the trace.
//!
//! Most entries mean nothing and leave no line, and a span is not free. So it is opened where there is something to tell.

use http::{HeaderMap, HeaderValue, Method, Uri, request::Parts};
use tracing::{Span, field::Empty};

use super::logs::printable;

/// What a span tells of a request. It shares the request's texts and outlives it.
pub struct RequestTrace {
    method: Method,
    uri: Uri,
    /// Of `traceparent`, and of `X-Cloud-Trace-Context`.
    traces: [Option<HeaderValue>; 2],
}

impl RequestTrace {
    pub fn of(head: &Parts) -> Self {
        Self { method: head.method.clone(), uri: head.uri.clone(), traces: traces(&head.headers) }
    }

    /// The span around what is told of it.
    pub fn span(&self) -> Span {
        let path = printable(self.uri.path());
        let span =
            tracing::info_span!("request", method = self.method.as_str(), path = path.as_ref(), trace_id = Empty);
        if let Some(id) = trace_id(&self.traces) {
            span.record("trace_id", id);
        }
        span
    }
}

fn traces(headers: &HeaderMap) -> [Option<HeaderValue>; 2] {
    ["traceparent", "x-cloud-trace-context"].map(|name| headers.get(name).cloned())
}

/// From `traceparent` (<https://www.w3.org/TR/trace-context/>), else from `X-Cloud-Trace-Context`
/// (<https://cloud.google.com/trace/docs/trace-context>): 32 hexadecimal digits, not all zero.
fn trace_id([w3c, google]: &[Option<HeaderValue>; 2]) -> Option<&str> {
    let w3c = w3c.as_ref().and_then(|value| value.to_str().ok()?.split('-').nth(1));
    let google = || google.as_ref().and_then(|value| value.to_str().ok()?.split('/').next());
    w3c.filter(|id| is_trace_id(id)).or_else(|| google().filter(|id| is_trace_id(id)))
}

fn is_trace_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) && id.bytes().any(|byte| byte != b'0')
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
            assert_eq!(trace_id(&traces(&headers)), expected, "{name}: {value}");
        }
    }
}
