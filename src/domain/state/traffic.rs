//! How much connectors sent lately, as Cloud Monitoring counts it.
//! <https://cloud.google.com/monitoring/api/metrics_gcp_i_o#gcp-vpcaccess>

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::names::ConnectorRef;

/// The sum of `vpcaccess.googleapis.com/connector/sent_bytes_count` of one connector.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrafficSeries {
    resource: Resource,
    points: Vec<Point>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Resource {
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Point {
    value: Value,
}

/// Google writes 64-bit integers as text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Value {
    int64_value: String,
    double_value: Option<f64>,
}

impl TrafficSeries {
    fn is_of(&self, connector: &ConnectorRef) -> bool {
        let label = |name: &str| self.resource.labels.get(name).map(String::as_str);
        label("connector_name") == Some(connector.name.as_str()) && label("location") == Some(connector.region.as_str())
    }

    /// Whether anything was sent. A number that cannot be read counts as sent.
    fn is_busy(&self) -> bool {
        self.points.iter().any(|Point { value }| match value.int64_value.as_str() {
            "" => value.double_value.is_some_and(|sent| sent > 0.0),
            text => text.parse() != Ok(0_i64),
        })
    }
}

/// Whether a connector sent anything. One without a series sent nothing.
pub fn is_busy(series: &[TrafficSeries], connector: &ConnectorRef) -> bool {
    series.iter().any(|one| one.is_of(connector) && one.is_busy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_sent_is_traffic() {
        let connector: ConnectorRef =
            "projects/demo-project/locations/europe-west2/connectors/conn".to_owned().try_into().unwrap();
        let cases = [
            ("conn", "europe-west2", r#"{"int64Value": "1"}"#, true),
            ("conn", "europe-west2", r#"{"int64Value": "0"}"#, false),
            ("conn", "europe-west2", r#"{"int64Value": "many"}"#, true),
            ("conn", "europe-west2", r#"{"doubleValue": 0.5}"#, true),
            ("conn", "europe-west2", r#"{"doubleValue": 0}"#, false),
            ("conn", "us-east1", r#"{"int64Value": "1"}"#, false),
            ("other", "europe-west2", r#"{"int64Value": "1"}"#, false),
        ];
        for (name, location, value, expected) in cases {
            let text = format!(
                r#"{{"resource": {{"labels": {{"connector_name": "{name}", "location": "{location}"}}}}, "points": [{{"value": {value}}}]}}"#
            );
            let series: TrafficSeries = serde_json::from_str(&text).unwrap();
            assert_eq!(is_busy(&[series], &connector), expected, "{text}");
        }
        assert!(!is_busy(&[], &connector));
    }
}
