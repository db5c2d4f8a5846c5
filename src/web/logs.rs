//! The log: for people on a terminal, or as Cloud Logging reads it.
//!
//! <https://cloud.google.com/logging/docs/structured-logging>. tracing-stackdriver knows no trace without all of
//! OpenTelemetry, so two small parts add it: `Traces` finds the trace of an event's spans, `Spliced` writes it.

use std::{
    borrow::Cow,
    cell::RefCell,
    io::{self, Write},
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    EnvFilter, Layer,
    fmt::MakeWriter,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::domain::names::is_unruly;

/// What is told unless `EGRESS_LOG` or `RUST_LOG` says otherwise: ours, and others only when something is wrong.
const USUAL: &str = "warn,egress_reconciler=info";

/// Sets up the log of the process, on standard error: standard output is for reports. `project` is whose traces the
/// lines belong to. A second call changes nothing.
pub fn init(on_cloud_run: bool, project: Option<String>, ansi: bool) {
    let registry = tracing_subscriber::registry().with(filter(USUAL));
    let _ = match on_cloud_run {
        true => registry.with(cloud(project, io::stderr)).try_init(),
        false => registry.with(tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(ansi)).try_init(),
    };
}

/// What is told: by `EGRESS_LOG`, else by `RUST_LOG`, else `usual`.
pub fn filter(usual: &str) -> EnvFilter {
    let said = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
    EnvFilter::builder().parse_lossy(["EGRESS_LOG", "RUST_LOG"].into_iter().find_map(said).as_deref().unwrap_or(usual))
}

/// One JSON object a line, with the trace of the request.
pub fn cloud<S, W>(project: Option<String>, writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    Traces { project }.and_then(tracing_stackdriver::layer().with_writer(Spliced(writer)))
}

/// Text that a stranger wrote, for one line of a log: without control characters and not too long.
pub fn printable(text: &str) -> Cow<'_, str> {
    const MAX_BYTES: usize = 400;
    match text.len() <= MAX_BYTES && !text.contains(is_unruly) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.chars().filter(|c| !is_unruly(*c)).take(MAX_BYTES).collect()),
    }
}

thread_local! {
    /// The trace of the event that is being written: its layers are called one after the other on one thread.
    static TRACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps the trace of each span that has a field `trace_id`.
struct Traces {
    project: Option<String>,
}

/// `projects/P/traces/ID`.
struct Trace(String);

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for Traces {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        self.keep(id, &context, |found| attributes.record(found));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        self.keep(id, &context, |found| values.record(found));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut spans = context.event_scope(event).into_iter().flatten();
        let trace = spans.find_map(|span| span.extensions().get::<Trace>().map(|trace| trace.0.clone()));
        TRACE.set(trace);
    }
}

impl Traces {
    fn keep<S>(&self, id: &Id, context: &Context<'_, S>, record: impl FnOnce(&mut TraceId))
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let mut found = TraceId(None);
        record(&mut found);
        if let (Some(project), Some(id_text), Some(span)) = (&self.project, found.0, context.span(id)) {
            span.extensions_mut().replace(Trace(format!("projects/{project}/traces/{id_text}")));
        }
    }
}

struct TraceId(Option<String>);

impl Visit for TraceId {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "trace_id" {
            self.0 = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

/// Writes the trace into each line that is a JSON object.
struct Spliced<W>(W);

struct Splice<W> {
    inner: W,
    trace: Option<String>,
}

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Spliced<W> {
    type Writer = Splice<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Splice { inner: self.0.make_writer(), trace: TRACE.take() }
    }
}

impl<W: Write> Write for Splice<W> {
    /// A line comes in one piece.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match (&self.trace, line.trim_ascii_end().strip_suffix(b"}")) {
            (Some(trace), Some(open)) => {
                let mut whole = open.to_vec();
                // A trace is made of a project id and hexadecimal digits: nothing to escape.
                writeln!(whole, r#","logging.googleapis.com/trace":"{trace}"}}"#)?;
                self.inner.write_all(&whole)?;
            }
            _ => self.inner.write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_carries_the_trace_of_its_request_and_the_fields_of_its_run() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber =
            tracing_subscriber::registry().with(cloud(Some("demo-project".into()), move || writer.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let request = tracing::info_span!("request", trace_id = tracing::field::Empty).entered();
            request.record("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736");
            tracing::info_span!("run", report = "r-1").in_scope(|| tracing::warn!("within"));
            drop(request);
            tracing::info!("without");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let [within, without] = lines.as_slice() else { panic!("{text}") };
        let trace = "logging.googleapis.com/trace";
        assert_eq!(within[trace], "projects/demo-project/traces/4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!((&within["severity"], &within["span"]["report"]), (&"WARNING".into(), &"r-1".into()));
        assert!(without[trace].is_null());
    }

    #[test]
    fn printable_text_stays_on_its_line() {
        assert_eq!(printable("a\r\n{\"severity\":\"ERROR\"}\u{1b}[31m\u{2028}b"), "a{\"severity\":\"ERROR\"}[31mb");
        assert!(matches!(printable("projects/p/logs/x ✓"), Cow::Borrowed(_)));
        assert_eq!(printable(&"x".repeat(9999)).len(), 400);
    }
}
