use serde::{Deserialize, Serialize};

/// A subnet with what of its ranges is taken: `compute.subnetworks.get?views=WITH_UTILIZATION`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SubnetUtilization {
    pub utilization_details: UtilizationDetails,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UtilizationDetails {
    pub ipv4_utilizations: Vec<RangeUtilization>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RangeUtilization {
    /// Empty for the primary range.
    pub range_name: String,
    /// A count of addresses, as text: it is an int64.
    pub total_free_ip: String,
}

impl SubnetUtilization {
    /// Free addresses of the primary range; `None` = Google did not say.
    pub fn free(&self) -> Option<u64> {
        let mut ranges = self.utilization_details.ipv4_utilizations.iter();
        ranges.find(|range| range.range_name.is_empty())?.total_free_ip.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_primary_range_counts() {
        let secondary = json!({"rangeName": "pods", "totalAllocatedIp": "1", "totalFreeIp": "255"});
        let primary = json!({"totalAllocatedIp": "36", "totalFreeIp": "24"});
        let cases = [
            (json!({"utilizationDetails": {"ipv4Utilizations": [secondary, primary]}}), Some(24)),
            (json!({"utilizationDetails": {"ipv4Utilizations": [secondary]}}), None),
            (json!({"utilizationDetails": {"ipv4Utilizations": [{"totalFreeIp": "many"}]}}), None),
            (json!({"name": "apps"}), None),
        ];
        for (document, free) in cases {
            let read: SubnetUtilization = serde_json::from_value(document.clone()).unwrap();
            assert_eq!(read.free(), free, "{document}");
        }
    }
}
