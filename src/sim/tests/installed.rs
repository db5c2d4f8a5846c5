//! What an installation is made of: accounts, roles, policies that grant, secrets, jobs of Cloud Scheduler, and a service
//! that Cloud Run lets callers in to.

use std::sync::{Arc, Mutex};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use http::{Method, header::AUTHORIZATION};
use serde_json::{Value, json};

use crate::{
    google::transport::{BoxFuture, Request, Response, SendError, Transport},
    sim::{
        cloud::{Cloud, Options},
        world::World,
    },
};

use super::{COMPUTE, Caller, RUN, options, world};

const OWNER: &str = "sre@example.com";
const ROLES: &str = "https://iam.googleapis.com/v1/projects/demo/roles";
const SECRETS: &str = "https://secretmanager.googleapis.com/v1/projects/demo/secrets";
const JOBS: &str = "https://cloudscheduler.googleapis.com/v1/projects/demo/locations/europe-west1/jobs";
const URL: &str = "https://web-123456789012.europe-west1.run.app";
const TRIGGER: &str = "trigger@demo.iam.gserviceaccount.com";

/// A world in which the owner may do everything and nobody else anything.
fn closed() -> World {
    world().allow("demo", OWNER, &["*"])
}

async fn bind(caller: &Caller, resource: &str, role: &str, member: &str) {
    let policy = json!({"policy": {"bindings": [{"role": role, "members": [member]}]}});
    caller.done(Method::POST, &format!("{resource}:setIamPolicy"), policy).await;
}

async fn account(owner: &Caller) {
    let accounts = "https://iam.googleapis.com/v1/projects/demo/serviceAccounts";
    owner.done(Method::POST, accounts, json!({"accountId": "trigger"})).await;
}

#[tokio::test(start_paused = true)]
async fn who_is_not_there_is_not_bound() {
    let owner = Caller::new(world());
    let url = "https://cloudresourcemanager.googleapis.com/v1/projects/demo:setIamPolicy";
    let member = format!("serviceAccount:{TRIGGER}");
    let cases = [("roles/run.invoker", member.as_str()), ("projects/demo/roles/none", "user:ann@example.com")];
    for (role, member) in cases {
        let policy = json!({"policy": {"bindings": [{"role": role, "members": [member]}]}});
        let (status, answer) = owner.send(Method::POST, url, policy).await;
        assert!(status == 400 && answer.to_string().contains("does not exist"), "{answer}");
    }
    account(&owner).await;
    bind(&owner, url.trim_end_matches(":setIamPolicy"), "roles/run.invoker", &member).await;
    // What was bound stays so when the account goes.
    let accounts = format!("https://iam.googleapis.com/v1/projects/demo/serviceAccounts/{TRIGGER}");
    owner.done(Method::DELETE, &accounts, Value::Null).await;
    bind(&owner, url.trim_end_matches(":setIamPolicy"), "roles/run.invoker", &member).await;
}

#[tokio::test(start_paused = true)]
async fn a_role_that_a_policy_binds_grants_what_it_includes() {
    let owner = Caller::new(closed());
    let ann = Caller { cloud: owner.cloud.clone(), name: "ann@example.com" };
    let look = async || ann.get(&format!("{COMPUTE}/global/firewalls")).await.0;
    let role = json!({"roleId": "looker", "role": {"includedPermissions": ["compute.firewalls.list"]}});
    let made = owner.done(Method::POST, ROLES, role).await;
    assert_eq!((&made["name"], &made["stage"]), (&json!("projects/demo/roles/looker"), &json!("ALPHA")));
    assert_eq!(look().await, 403);
    let project = "https://cloudresourcemanager.googleapis.com/v1/projects/demo";
    bind(&owner, project, "projects/demo/roles/looker", "user:ann@example.com").await;
    assert_eq!(look().await, 200);
    assert_eq!(ann.get(&format!("{COMPUTE}/global/routes")).await.0, 403);
    // It keeps its name for whoever brings it back, and grants nothing until then.
    let url = format!("{ROLES}/looker");
    owner.done(Method::DELETE, &url, Value::Null).await;
    assert_eq!(look().await, 403);
    assert_eq!(owner.get(&url).await.1["deleted"], true);
    assert_eq!(owner.get(ROLES).await.1, json!({}));
    assert_eq!(owner.get(&format!("{ROLES}?showDeleted=true")).await.1["roles"][0]["deleted"], true);
    assert_eq!(owner.send(Method::POST, ROLES, json!({"roleId": "looker"})).await.0, 409);
    assert_eq!(owner.send(Method::PATCH, &url, json!({"title": "x"})).await.0, 400);
    assert_eq!(owner.send(Method::DELETE, &url, Value::Null).await.0, 400);
    owner.done(Method::POST, &format!("{url}:undelete"), json!({})).await;
    assert_eq!(look().await, 200);
}

#[tokio::test(start_paused = true)]
async fn who_changes_what_has_changed_since_is_refused() {
    let owner = Caller::new(world());
    let made = owner.done(Method::POST, ROLES, json!({"roleId": "looker", "role": {"title": "one"}})).await;
    let url = format!("{ROLES}/looker");
    let change = json!({"title": "two", "etag": made["etag"]});
    owner.done(Method::PATCH, &url, change.clone()).await;
    assert_eq!(owner.send(Method::PATCH, &url, change).await.0, 409);
    let policy = json!({"policy": {"etag": "b2xk", "bindings": []}});
    assert_eq!(owner.send(Method::POST, &format!("{SECRETS}/none:setIamPolicy"), policy.clone()).await.0, 404);
    owner.done(Method::POST, &format!("{SECRETS}?secretId=one"), json!({"replication": {"automatic": {}}})).await;
    assert_eq!(owner.send(Method::POST, &format!("{SECRETS}/one:setIamPolicy"), policy).await.0, 409);
}

#[tokio::test(start_paused = true)]
async fn the_newest_version_of_a_secret_is_the_latest() {
    let owner = Caller::new(closed());
    let secret = format!("{SECRETS}/policy");
    let latest = format!("{secret}/versions/latest:access");
    assert_eq!(owner.send(Method::POST, &format!("{SECRETS}?secretId=policy"), json!({})).await.0, 400);
    owner.done(Method::POST, &format!("{SECRETS}?secretId=policy"), json!({"replication": {"automatic": {}}})).await;
    assert_eq!(owner.get(&latest).await.0, 404);
    for n in 1..=11 {
        let made =
            owner.done(Method::POST, &format!("{secret}:addVersion"), json!({"payload": {"data": "b25l"}})).await;
        assert_eq!(made["name"], format!("projects/demo/secrets/policy/versions/{n}"));
        assert!(made["payload"].is_null(), "{made}");
    }
    let (_, held) = owner.get(&latest).await;
    assert_eq!(held["name"], "projects/demo/secrets/policy/versions/11");
    assert_eq!(held["payload"]["data"], "b25l");
    let (_, shown) = owner.get(&format!("{secret}/versions")).await;
    assert_eq!(shown["versions"].as_array().map(Vec::len), Some(11));
    assert!(!shown.to_string().contains("b25l"), "{shown}");
    account(&owner).await;
    // A policy on the secret reaches its versions.
    let reader = Caller { cloud: owner.cloud.clone(), name: TRIGGER };
    assert_eq!(reader.get(&latest).await.0, 403);
    let member = format!("serviceAccount:{TRIGGER}");
    bind(&owner, &secret, "roles/secretmanager.secretAccessor", &member).await;
    assert_eq!((reader.get(&latest).await.0, reader.get(&secret).await.0), (200, 403));
    owner.done(Method::DELETE, &secret, Value::Null).await;
    assert_eq!(owner.get(&format!("{secret}/versions/1")).await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn a_repository_is_made_by_an_operation_that_is_over() {
    let owner = Caller::new(world());
    let location = "https://artifactregistry.googleapis.com/v1/projects/demo/locations/europe-west1";
    let url = format!("{location}/repositories?repositoryId=images");
    let begun = owner.done(Method::POST, &url, json!({"format": "DOCKER", "mode": "MODE_UNSPECIFIED"})).await;
    assert_eq!(begun["response"]["registryUri"], "europe-west1-docker.pkg.dev/demo/images");
    let name = begun["name"].as_str().expect("a name");
    let (_, ended) = owner.get(&format!("https://artifactregistry.googleapis.com/v1/{name}")).await;
    assert_eq!(ended["done"], true);
}

#[tokio::test(start_paused = true)]
async fn an_account_is_found_by_its_address_alone() {
    let owner = Caller::new(world());
    let accounts = |project: &str| format!("https://iam.googleapis.com/v1/projects/{project}/serviceAccounts");
    assert_eq!(owner.send(Method::POST, &accounts("demo"), json!({"accountId": "a"})).await.0, 400);
    owner.done(Method::POST, &accounts("demo"), json!({"accountId": "trigger", "serviceAccount": {}})).await;
    let (status, found) = owner.get(&format!("{}/{TRIGGER}", accounts("-"))).await;
    assert_eq!((status, &found["email"]), (200, &json!(TRIGGER)), "{found}");
    assert_eq!(owner.get(&accounts("demo")).await.1["accounts"][0]["email"], TRIGGER);
}

/// What a container hears: where it was called, and with what token. It answers 204.
#[derive(Default)]
struct Container(Mutex<Vec<(String, Option<String>)>>);

impl Transport for Container {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>> {
        let token = request.http.headers().get(AUTHORIZATION).map(|value| value.to_str().expect("text").to_owned());
        self.0.lock().expect("no panic").push((request.http.uri().to_string(), token));
        let mut response = Response::default();
        *response.status_mut() = http::StatusCode::NO_CONTENT;
        Box::pin(std::future::ready(Ok(response)))
    }
}

impl Container {
    async fn heard(&self) -> Vec<(String, Option<String>)> {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        std::mem::take(&mut *self.0.lock().expect("no panic"))
    }
}

/// A closed world with a service whose container is heard, and a job of Cloud Scheduler that calls it.
async fn deployed() -> (Caller, Arc<Container>) {
    let container = Arc::new(Container::default());
    let options = Options { service_at: Some("http://127.0.0.1:8080".parse().expect("a URL")), ..options() };
    let deliver = Arc::clone(&container) as Arc<dyn Transport>;
    let cloud = Cloud::new(closed(), options, Some(deliver)).expect("a world");
    let running = cloud.clone();
    tokio::spawn(async move { running.run().await });
    let owner = Caller { cloud, name: OWNER };
    account(&owner).await;
    let service = json!({"template": {"containers": [{"image": "image"}]}});
    owner.done(Method::POST, &format!("{RUN}/services?serviceId=web"), service).await;
    let target = json!({
        "uri": format!("{URL}/sweep"),
        "httpMethod": "POST",
        "oidcToken": {"serviceAccountEmail": TRIGGER, "audience": URL},
    });
    let name = "projects/demo/locations/europe-west1/jobs/sweep";
    owner.done(Method::POST, JOBS, json!({"name": name, "schedule": "*/10 * * * *", "httpTarget": target})).await;
    (owner, container)
}

fn claims(token: &str) -> Value {
    let [_, claims, signature] = token.strip_prefix("Bearer ").expect("a token").split('.').collect::<Vec<_>>()[..]
    else {
        panic!("{token}")
    };
    assert_eq!(signature, "SIGNATURE_REMOVED_BY_GOOGLE");
    serde_json::from_slice(&BASE64.decode(claims).expect("base64")).expect("JSON")
}

#[tokio::test(start_paused = true)]
async fn cloud_run_lets_in_who_may_invoke_and_tells_the_container_who() {
    let (owner, container) = deployed().await;
    let run = async || drop(owner.done(Method::POST, &format!("{JOBS}/sweep:run"), json!({})).await);
    run().await;
    assert_eq!(container.heard().await, []);
    let (_, job) = owner.get(&format!("{JOBS}/sweep")).await;
    assert_eq!(job["status"]["code"], 7, "{job}");
    bind(&owner, &format!("{RUN}/services/web"), "roles/run.invoker", &format!("serviceAccount:{TRIGGER}")).await;
    // A container goes by the clock outside.
    let before = super::start();
    owner.cloud.advance(std::time::Duration::from_secs(7200));
    run().await;
    let heard = container.heard().await;
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].0, "http://127.0.0.1:8080/sweep");
    let said = claims(heard[0].1.as_deref().expect("a token"));
    assert_eq!((&said["email"], &said["aud"], &said["email_verified"]), (&json!(TRIGGER), &json!(URL), &json!(true)));
    let (iat, exp) = (said["iat"].as_i64().expect("a time"), said["exp"].as_i64().expect("a time"));
    assert!((0..60).contains(&(iat - before.as_second())) && exp - iat == 3600, "{said}");
    let (_, job) = owner.get(&format!("{JOBS}/sweep")).await;
    assert_eq!(job["status"], json!({}));
    let filter = json!({
        "resourceNames": ["projects/demo"],
        "filter": r#"log_id("run.googleapis.com/requests")"#,
        "orderBy": "timestamp desc",
    });
    let (_, log) = owner.send(Method::POST, "https://logging.googleapis.com/v2/entries:list", filter).await;
    let statuses: Vec<_> =
        log["entries"].as_array().expect("entries").iter().map(|it| &it["httpRequest"]["status"]).collect();
    assert_eq!(statuses, [204, 403]);
}

#[tokio::test(start_paused = true)]
async fn a_message_goes_where_its_subscription_pushes_by_then() {
    let (owner, container) = deployed().await;
    let pubsub = "https://pubsub.googleapis.com/v1/projects/demo";
    owner.done(Method::PUT, &format!("{pubsub}/topics/events"), json!({})).await;
    let push = json!({"pushEndpoint": format!("{URL}/"), "oidcToken": {"serviceAccountEmail": TRIGGER}});
    let subscription = json!({"topic": "projects/demo/topics/events", "pushConfig": push});
    let url = format!("{pubsub}/subscriptions/events");
    owner.done(Method::PUT, &url, subscription).await;
    let publish = format!("{pubsub}/topics/events:publish");
    owner.done(Method::POST, &publish, json!({"messages": [{"data": "e30="}]})).await;
    assert_eq!(container.heard().await, []);
    // Refused again and again, it waits for whoever pulls once it is pushed no more.
    owner.done(Method::POST, &format!("{url}:modifyPushConfig"), json!({"pushConfig": {}})).await;
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    let (_, pulled) = owner.send(Method::POST, &format!("{url}:pull"), json!({"maxMessages": 10})).await;
    assert_eq!(pulled["receivedMessages"].as_array().map(Vec::len), Some(1), "{pulled}");
    bind(&owner, &format!("{RUN}/services/web"), "roles/run.invoker", &format!("serviceAccount:{TRIGGER}")).await;
    owner.done(Method::POST, &format!("{url}:modifyPushConfig"), json!({"pushConfig": push})).await;
    owner.done(Method::POST, &publish, json!({"messages": [{"data": "e30="}]})).await;
    let heard = container.heard().await;
    assert_eq!(heard.len(), 1);
    // Without an audience a token is for the endpoint.
    assert_eq!(claims(heard[0].1.as_deref().expect("a token"))["aud"], format!("{URL}/"));
}

/// What v1 says in annotations, and v2 in fields, is read back in both.
#[tokio::test(start_paused = true)]
async fn v1_and_v2_say_the_same_of_a_service() {
    let owner = Caller::new(world());
    let v1 = "https://europe-west1-run.googleapis.com/apis/serving.knative.dev/v1/namespaces/demo/services";
    let secret = json!({"secretName": "policy", "items": [{"key": "latest", "path": "policy.yaml"}]});
    let template = json!({
        "metadata": {"annotations": {"run.googleapis.com/cpu-throttling": "true"}},
        "spec": {"containers": [{"image": "image"}], "volumes": [{"name": "policy", "secret": secret}]},
    });
    let body = json!({
        "metadata": {"name": "web", "annotations": {"run.googleapis.com/ingress": "internal"}},
        "spec": {"template": template},
    });
    owner.done(Method::POST, v1, body).await;
    let (_, new) = owner.get(&format!("{RUN}/services/web")).await;
    assert_eq!((&new["ingress"], &new["uri"]), (&json!("INGRESS_TRAFFIC_INTERNAL_ONLY"), &json!(URL)));
    assert_eq!(new["template"]["containers"][0]["resources"]["cpuIdle"], true, "{new}");
    let held = json!({"secret": "policy", "items": [{"version": "latest", "path": "policy.yaml"}]});
    assert_eq!(new["template"]["volumes"][0]["secret"], held);
    let (_, old) = owner.get(&format!("{v1}/web")).await;
    assert_eq!(old["metadata"]["annotations"]["run.googleapis.com/ingress"], "internal");
    let shown = &old["spec"]["template"];
    assert_eq!(shown["metadata"]["annotations"]["run.googleapis.com/cpu-throttling"], "true");
    assert!(shown["spec"]["containers"][0]["resources"]["cpuIdle"].is_null(), "{shown}");
    assert_eq!(shown["spec"]["volumes"][0]["secret"], secret);
}
