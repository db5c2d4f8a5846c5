//! The span of a request: every log line within it tells the path and the trace.
//!
//! A span costs about as much as reading an entry that means nothing, and most entries mean nothing. So it is opened
//! where there is something to tell.

use http::{HeaderMap, request::Parts};
use tracing::{Span, field::Empty};

use super::logs::printable;

/// The span around what is told of a request.
pub fn span(head: &Parts) -> Span {
    let path = printable(head.uri.path());
    let span = tracing::info_span!("request", method = head.method.as_str(), path = path.as_ref(), trace_id = Empty);
    if let Some(id) = trace_id(&head.headers) {
        span.record("trace_id", id);
    }
    span
}

/// From `traceparent` (<https://www.w3.org/TR/trace-context/>), else from `X-Cloud-Trace-Context`
/// (<https://cloud.google.com/trace/docs/trace-context>): 32 hexadecimal digits, not all zero.
fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let text = |name| headers.get(name)?.to_str().ok();
    let w3c = text("traceparent").and_then(|value| value.split('-').nth(1));
    let google = || text("x-cloud-trace-context").and_then(|value| value.split('/').next());
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
            assert_eq!(trace_id(&headers), expected, "{name}: {value}");
        }
    }
}
