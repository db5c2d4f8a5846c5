use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which of a workload's traffic goes through the connector; the wider one is the greater.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Egress {
    /// Cloud Run's default.
    #[default]
    PrivateRangesOnly,
    AllTraffic,
}

impl Egress {
    /// Reads `ALL_TRAFFIC` (v2), `all-traffic` or `all` (v1), and 1, which is what REST writes for the enum when asked
    /// for integers. Whatever else stands there is the default, the narrower of the two.
    pub fn parse(text: &str) -> Self {
        match text.to_ascii_lowercase().replace('_', "-").as_str() {
            "all-traffic" | "all" | "1" => Self::AllTraffic,
            _ => Self::PrivateRangesOnly,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::PrivateRangesOnly => "private-ranges-only",
            Self::AllTraffic => "all-traffic",
        }
    }
}
