//! What people do to the cloud, over HTTP like everybody.

use std::net::SocketAddr;

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use super::stage::{CONNECTOR, PROJECT, REGION};
use crate::cli::exit::Failure;

/// A person with an account.
#[derive(Clone)]
pub struct Person {
    email: &'static str,
    google: SocketAddr,
    service: SocketAddr,
    http: Client,
}

impl Person {
    pub fn new(email: &'static str, google: SocketAddr, service: SocketAddr) -> Result<Self, Failure> {
        // Both listen on this machine.
        Ok(Self { email, google, service, http: Client::builder().no_proxy().build()? })
    }

    /// `gcloud run jobs deploy nightly-export --vpc-connector=… --vpc-egress=all-traffic`.
    pub async fn deploy(&self) -> Result<(StatusCode, Value), Failure> {
        let connector = format!("projects/{PROJECT}/locations/{REGION}/connectors/{CONNECTOR}");
        let job = json!({"template": {"template": {
            "containers": [{"image": "us-docker.pkg.dev/cloudrun/container/job"}],
            "vpcAccess": {"connector": connector, "egress": "ALL_TRAFFIC"},
        }}});
        let path = format!("v2/projects/{PROJECT}/locations/{REGION}/jobs?jobId=nightly-export");
        self.call(Method::POST, &path, Some(job)).await
    }

    pub async fn disable_rule(&self, name: &str) -> Result<(), Failure> {
        self.must(Method::PATCH, &format!("global/firewalls/{name}"), Some(json!({"disabled": true}))).await
    }

    pub async fn clear_nats(&self, router: &str) -> Result<(), Failure> {
        self.must(Method::PATCH, &format!("regions/{REGION}/routers/{router}"), Some(json!({"nats": []}))).await
    }

    pub async fn allow_everything(&self, name: &str) -> Result<(), Failure> {
        let rule = json!({
            "name": name, "network": format!("projects/{PROJECT}/global/networks/my-vpc"), "direction": "EGRESS",
            "priority": 500, "allowed": [{"IPProtocol": "all"}], "destinationRanges": ["0.0.0.0/0"],
        });
        self.must(Method::POST, "global/firewalls", Some(rule)).await
    }

    pub async fn delete_rule(&self, name: &str) -> Result<(), Failure> {
        self.must(Method::DELETE, &format!("global/firewalls/{name}"), None).await
    }

    /// Delivers an audit entry to the service once more, as Pub/Sub may.
    pub async fn deliver(&self, entry: &Value) -> Result<StatusCode, Failure> {
        let push = json!({
            "message": {"data": BASE64_STANDARD.encode(entry.to_string()), "messageId": "again", "message_id": "again"},
            "subscription": format!("projects/{PROJECT}/subscriptions/audit"),
        });
        let url = format!("http://{}/events", self.service);
        let request = self.http.post(url).header("content-type", "application/json").body(push.to_string());
        Ok(request.send().await?.status())
    }

    async fn must(&self, method: Method, path: &str, body: Option<Value>) -> Result<(), Failure> {
        let (status, answer) = self.call(method, &format!("compute/v1/projects/{PROJECT}/{path}"), body).await?;
        if status.is_success() {
            Ok(())
        } else {
            Err(format!("{path}: {status}: {}", answer["error"]["message"]).into())
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<(StatusCode, Value), Failure> {
        let mut request = self.http.request(method, format!("http://{}/{path}", self.google)).bearer_auth(self.email);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await?;
        let status = response.status();
        Ok((status, serde_json::from_slice(&response.bytes().await?)?))
    }
}
