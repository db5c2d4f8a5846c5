//! What people do, what Google's faults are, and what befalls the instances: one deed at a time.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::cloud::TestCloud;

pub const COMPUTE: &str = "https://compute.googleapis.com/compute/v1";
pub const VPCACCESS: &str = "https://vpcaccess.googleapis.com/v1";
pub const RUN: &str = "https://run.googleapis.com/v2";

#[derive(Debug, Clone)]
pub enum Deed {
    /// A person's call.
    Call {
        method: Method,
        url: String,
        body: Value,
    },
    /// A person changes one of our objects, or deletes it: the `which`th of those whose name has this part in it.
    Ours {
        collection: &'static str,
        part: &'static str,
        which: u64,
        patch: Option<Value>,
    },
    /// Another operator adds a NAT gateway to a router of ours, or takes it off: a read, a while, and a write.
    Operator {
        which: u64,
        nat: Option<Value>,
        pause: Duration,
    },
    /// As `POST /sim/faults` takes it.
    Fault(Value),
    FaultsEnd,
    /// The process is gone, with its calls under way; another begins soon.
    Kill {
        which: u64,
        pause: Duration,
    },
    Policy(Value),
    /// The file does not parse.
    BrokenPolicy,
    Advance(u64),
    Sweep {
        which: u64,
    },
}

impl TestCloud {
    /// Does it; what came of it, in words.
    pub async fn perform(&self, deed: &Deed) -> String {
        match deed {
            Deed::Call { method, url, body } => self.call(method.clone(), url, body.clone()).await.0.to_string(),
            Deed::Ours { collection, part, which, patch } => self.change_ours(collection, part, *which, patch).await,
            Deed::Operator { which, nat, pause } => self.operate(*which, nat, *pause).await,
            Deed::Fault(fault) => {
                self.cloud.inject(serde_json::from_value(fault.clone()).unwrap());
                String::new()
            }
            Deed::FaultsEnd => {
                self.end_faults().await;
                String::new()
            }
            Deed::Kill { which, pause } => {
                self.kill(*which);
                // A process does not start with a policy that does not parse.
                self.write_policy(&self.policy());
                tokio::time::sleep(*pause).await;
                self.begin();
                String::new()
            }
            Deed::Policy(policy) => {
                self.change_policy(policy);
                String::new()
            }
            Deed::BrokenPolicy => {
                std::fs::write(self.policy_file.path(), "version: 1\nowner: [").unwrap();
                String::new()
            }
            Deed::Advance(seconds) => {
                self.cloud.advance(Duration::from_secs(*seconds));
                String::new()
            }
            Deed::Sweep { which } => {
                let instance = self.instance(*which);
                let started = instance.clone();
                tokio::spawn(async move { started.ask("/sweep", json!({})).await });
                format!("by instance {}", instance.name)
            }
        }
    }

    /// Our objects of a kind, by name.
    fn ours(&self, collection: &str, part: &str) -> Vec<Value> {
        let mut found: Vec<Value> = self.documents(collection).into_iter().map(|(_, document)| document).collect();
        found.retain(|document| {
            let text = |field: &str| document[field].as_str().unwrap_or_default();
            text("description").contains("managed-by=egress-reconciler") && text("name").contains(part)
        });
        found.sort_by_key(|document| document["selfLink"].to_string());
        found
    }

    async fn change_ours(&self, collection: &str, part: &str, which: u64, patch: &Option<Value>) -> String {
        let ours = self.ours(collection, part);
        let Some(found) = ours.get(which as usize % ours.len().max(1)) else { return "nothing of ours".into() };
        let url = url(found);
        let (status, _) = match patch {
            Some(patch) => self.call(Method::PATCH, &url, patch.clone()).await,
            None => self.call(Method::DELETE, &url, Value::Null).await,
        };
        format!("{}: {status}", found["name"])
    }

    async fn operate(&self, which: u64, nat: &Option<Value>, pause: Duration) -> String {
        let ours = self.ours("compute.routers", "");
        let Some(found) = ours.get(which as usize % ours.len().max(1)) else { return "no router of ours".into() };
        let (status, router) = self.call(Method::GET, &url(found), Value::Null).await;
        if status != StatusCode::OK {
            return format!("{status}");
        }
        let mut nats = router["nats"].as_array().cloned().unwrap_or_default();
        nats.retain(|other| other["name"] != "team");
        nats.extend(nat.clone());
        tokio::time::sleep(pause).await;
        let (status, _) = self.call(Method::PATCH, &url(found), json!({"nats": nats})).await;
        format!("{}: {status}", found["name"])
    }
}

fn url(document: &Value) -> String {
    let link = document["selfLink"].as_str().unwrap_or_default();
    format!("{COMPUTE}/{}", link.split_once("/v1/").map_or(link, |(_, path)| path))
}
