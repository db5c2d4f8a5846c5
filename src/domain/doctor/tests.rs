//! What the world tests cannot reach: sentences about reads that failed, and the metrics' text.

use super::{
    facts::{Apis, Sink},
    service::Seen,
    *,
};
use crate::domain::names::ProjectId;

pub(super) fn failed(call: &str, kind: FailureKind) -> ReadFailure {
    ReadFailure { call: call.to_owned(), kind, message: "No.".to_owned(), consumer: None }
}

#[test]
fn what_cannot_be_read_is_unknown_and_says_what_is_missing_to_look() {
    let project = ProjectId::parse("demo-project").unwrap();
    let cases = [
        (
            FailureKind::Denied { permission: None },
            "serviceusage.services.batchGet was denied: looking needs `serviceusage.services.get`",
            "gcloud projects add-iam-policy-binding demo-project --member=user:YOU --role=roles/serviceusage.serviceUsageViewer",
        ),
        (
            FailureKind::ApiDisabled,
            "serviceusage.services.batchGet failed because its API is not enabled",
            "gcloud services enable serviceusage.googleapis.com --project=demo-project",
        ),
        (FailureKind::Transient, "serviceusage.services.batchGet failed: No.", "egress-reconciler doctor"),
    ];
    for (kind, text, fix) in cases {
        let line =
            project::apis(&project, &["run.googleapis.com"], &Err(failed("serviceusage.services.batchGet", kind)));
        assert_eq!((line.mark, line.text.as_str(), line.fix.as_deref()), (Mark::Unknown, text, Some(fix)));
    }
    let line = project::apis(&project, &["run.googleapis.com"], &Ok(Apis::default()));
    assert_eq!(line.mark, Mark::Bad, "an API that Google does not speak of is off");
}

/// Google gives filters back as they were sent; hands reformat them.
#[test]
fn a_filter_is_its_words() {
    let filter = "-- a comment\n(a=1 OR\n  b=2)\n";
    for (found, mark) in [("(a=1 OR b=2)", Mark::Ok), (filter, Mark::Ok), ("(a=1)", Mark::Bad)] {
        let sink = Sink {
            destination: "pubsub.googleapis.com/projects/p/topics/t".to_owned(),
            filter: found.to_owned(),
            ..Sink::default()
        };
        assert_eq!(delivery::sink("folders/1/sinks/egress", filter, &Ok(sink)).mark, mark, "{found}");
    }
    let line = delivery::sink("folders/1/sinks/egress", filter, &Ok(Sink { disabled: true, ..Sink::default() }));
    assert_eq!(line.fix.as_deref(), Some("gcloud logging sinks update egress --no-disabled --folder=1"));
}

#[test]
fn what_the_metrics_tell() {
    let text = "# HELP egress_reconciler_last_event_timestamp_seconds When.\n\
                egress_reconciler_last_event_timestamp_seconds 1764000000\n\
                egress_reconciler_last_sweep_timestamp_seconds 0\n";
    let seen = Seen::of_metrics(text);
    assert_eq!((seen.event.map(|at| at.as_second()), seen.sweep), (Some(1_764_000_000), None));
    assert_eq!(Seen::of_metrics("<html>"), Seen::default());
}
