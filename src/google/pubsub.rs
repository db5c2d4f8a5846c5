//! Pub/Sub's REST API, for what is asked now and then: <https://cloud.google.com/pubsub/docs/reference/rest>. Reports go out
//! through Google's own publisher.

use ::http::Method as Verb;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};

use crate::google::{
    client::Client,
    error::CallError,
    method::{Api, Method},
};

const fn method(verb: Verb, id: &'static str, path: &'static str) -> Method {
    Method { id, api: Api::PubSub, verb, path }
}

const TOPIC: &str = "v1/projects/{project}/topics/{+topic}";
const SUBSCRIPTION: &str = "v1/projects/{project}/subscriptions/{+subscription}";

const TOPICS_GET: Method = method(Verb::GET, "pubsub.projects.topics.get", TOPIC);
const TOPICS_GET_IAM_POLICY: Method =
    method(Verb::GET, "pubsub.projects.topics.getIamPolicy", "v1/projects/{project}/topics/{+topic}:getIamPolicy");
const TOPICS_TEST_IAM_PERMISSIONS: Method = method(
    Verb::POST,
    "pubsub.projects.topics.testIamPermissions",
    "v1/projects/{project}/topics/{+topic}:testIamPermissions",
);
const TOPICS_PUBLISH: Method =
    method(Verb::POST, "pubsub.projects.topics.publish", "v1/projects/{project}/topics/{+topic}:publish");
const SUBSCRIPTIONS_GET: Method = method(Verb::GET, "pubsub.projects.subscriptions.get", SUBSCRIPTION);
const SUBSCRIPTIONS_CREATE: Method = method(Verb::PUT, "pubsub.projects.subscriptions.create", SUBSCRIPTION);
const SUBSCRIPTIONS_DELETE: Method = method(Verb::DELETE, "pubsub.projects.subscriptions.delete", SUBSCRIPTION);
const SUBSCRIPTIONS_PULL: Method = method(
    Verb::POST,
    "pubsub.projects.subscriptions.pull",
    "v1/projects/{project}/subscriptions/{+subscription}:pull",
);

/// Topics.
impl Client {
    pub async fn get_topic<T: DeserializeOwned>(&self, project: &str, topic: &str) -> Result<T, CallError> {
        self.ask(&self.prepare(&TOPICS_GET, &[project, topic])?).await
    }

    /// `{bindings: [{role, members}]}`, without what is inherited from the project.
    pub async fn get_topic_iam_policy<T: DeserializeOwned>(&self, project: &str, topic: &str) -> Result<T, CallError> {
        self.ask(&self.prepare(&TOPICS_GET_IAM_POLICY, &[project, topic])?).await
    }

    /// `{permissions}`: those that the caller has.
    pub async fn test_topic_permissions<T: DeserializeOwned>(
        &self,
        project: &str,
        topic: &str,
        permissions: &[&str],
    ) -> Result<T, CallError> {
        let call = self.prepare(&TOPICS_TEST_IAM_PERMISSIONS, &[project, topic])?;
        self.ask(&call.json(&json!({"permissions": permissions}))?.reading()).await
    }

    /// Publishes one message; `data` is Base64.
    pub async fn publish(&self, project: &str, topic: &str, data: &str, attributes: &Value) -> Result<(), CallError> {
        let call = self.prepare(&TOPICS_PUBLISH, &[project, topic])?;
        let body = json!({"messages": [{"data": data, "attributes": attributes}]});
        self.ask::<IgnoredAny>(&call.json(&body)?).await.map(drop)
    }
}

/// Subscriptions.
impl Client {
    pub async fn get_subscription<T: DeserializeOwned>(&self, project: &str, name: &str) -> Result<T, CallError> {
        self.ask(&self.prepare(&SUBSCRIPTIONS_GET, &[project, name])?).await
    }

    pub async fn create_subscription(&self, project: &str, name: &str, body: &Value) -> Result<(), CallError> {
        let call = self.prepare(&SUBSCRIPTIONS_CREATE, &[project, name])?.json(body)?;
        self.ask::<IgnoredAny>(&call).await.map(drop)
    }

    pub async fn delete_subscription(&self, project: &str, name: &str) -> Result<(), CallError> {
        let call = self.prepare(&SUBSCRIPTIONS_DELETE, &[project, name])?;
        self.ask::<IgnoredAny>(&call).await.map(drop)
    }

    /// `{receivedMessages: [{ackId, message: {data}}]}`: what is there, without waiting. Nothing is acknowledged.
    pub async fn pull<T: DeserializeOwned>(&self, project: &str, name: &str, most: u32) -> Result<T, CallError> {
        let body = json!({"maxMessages": most, "returnImmediately": true});
        let call = self.prepare(&SUBSCRIPTIONS_PULL, &[project, name])?.json(&body)?;
        self.ask(&call.reading()).await
    }
}
