//! Cloud Monitoring, <https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/list>.

use ::http::Method as Verb;
use serde::de::DeserializeOwned;

use crate::google::{
    client::Client,
    error::CallError,
    method::{Api, Method},
    paging::Listing,
};

const TIME_SERIES_LIST: Method = Method {
    id: "monitoring.projects.timeSeries.list",
    api: Api::Monitoring,
    verb: Verb::GET,
    path: "v3/projects/{project}/timeSeries",
};

impl Client {
    /// One point for each series of a metric: its sum from `start` to `end`, in the form of RFC 3339, which are `seconds`
    /// apart.
    pub async fn list_sums<T: DeserializeOwned>(
        &self,
        project: &str,
        metric: &str,
        (start, end): (&str, &str),
        seconds: u64,
    ) -> Result<Vec<T>, CallError> {
        let call = self
            .prepare(&TIME_SERIES_LIST, &[project])?
            .query("filter", &format!("metric.type=\"{metric}\""))
            .query("interval.startTime", start)
            .query("interval.endTime", end)
            .query("aggregation.alignmentPeriod", &format!("{seconds}s"))
            .query("aggregation.perSeriesAligner", "ALIGN_SUM");
        self.list(call, Listing::of("timeSeries")).await
    }
}
