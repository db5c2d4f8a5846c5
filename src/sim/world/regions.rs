//! The regions of a world.

use serde::Deserialize;

/// The regions of Cloud Run, <https://cloud.google.com/run/docs/locations>, as of November 2026.
const EVERY: [&str; 43] = [
    "africa-south1",
    "asia-east1",
    "asia-east2",
    "asia-northeast1",
    "asia-northeast2",
    "asia-northeast3",
    "asia-south1",
    "asia-south2",
    "asia-southeast1",
    "asia-southeast2",
    "asia-southeast3",
    "australia-southeast1",
    "australia-southeast2",
    "europe-central2",
    "europe-north1",
    "europe-north2",
    "europe-southwest1",
    "europe-west1",
    "europe-west10",
    "europe-west12",
    "europe-west2",
    "europe-west3",
    "europe-west4",
    "europe-west6",
    "europe-west8",
    "europe-west9",
    "me-central1",
    "me-central2",
    "me-west1",
    "northamerica-northeast1",
    "northamerica-northeast2",
    "northamerica-south1",
    "southamerica-east1",
    "southamerica-west1",
    "us-central1",
    "us-east1",
    "us-east4",
    "us-east5",
    "us-south1",
    "us-west1",
    "us-west2",
    "us-west3",
    "us-west4",
];

const USUAL: [&str; 6] = ["asia-northeast1", "europe-west1", "europe-west4", "us-central1", "us-east1", "us-west1"];

/// What a world file says of its regions.
#[derive(Default, Deserialize)]
#[serde(untagged)]
pub enum Regions {
    #[default]
    Usual,
    Named(Vec<String>),
    Every(All),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum All {
    All,
}

impl Regions {
    pub fn names(self) -> Vec<String> {
        match self {
            Self::Usual => USUAL.map(str::to_owned).to_vec(),
            Self::Named(names) => names,
            Self::Every(All::All) => EVERY.map(str::to_owned).to_vec(),
        }
    }
}
