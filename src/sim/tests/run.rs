//! What Cloud Run does beside deploying: keeping what was deleted, and policies of who may call.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::{
    Caller, RUN,
    rules::{Case, hold, post},
    world,
};
use crate::sim::{cloud::Cloud, tests::options, world::World};

fn names(list: &Value, of: &str) -> Vec<String> {
    let items = list[of].as_array().into_iter().flatten();
    items
        .map(|item| item["name"].as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_is_kept_for_a_month() {
    let caller = Caller::new(world());
    let job = json!({"template": {"template": {"containers": [{"image": "a"}]}}});
    let service = json!({"template": {"containers": [{"image": "a"}]}});
    for (kind, create, body) in [
        ("jobs", "jobs?jobId=old", &job),
        ("services", "services?serviceId=old", &service),
        ("workerPools", "workerPools?workerPoolId=old", &service),
    ] {
        caller.done(Method::POST, &format!("{RUN}/{create}"), body.clone()).await;
        let one = format!("{RUN}/{kind}/old");
        let (_, made) = caller.get(&one).await;
        caller.done(Method::DELETE, &one, Value::Null).await;
        let (list, all) = (format!("{RUN}/{kind}"), format!("{RUN}/{kind}?showDeleted=true"));
        assert_eq!((caller.get(&one).await.0, names(&caller.get(&list).await.1, kind)), (404, vec![]), "{kind}");
        assert_eq!(caller.send(Method::DELETE, &one, Value::Null).await.0, 404);
        let (_, deleted) = caller.get(&all).await;
        assert_eq!(names(&deleted, kind), ["old"]);
        let deleted = &deleted[kind][0];
        assert_eq!((&deleted["uid"], &deleted["reconciling"]), (&made["uid"], &Value::Null));
        assert!(deleted["deleteTime"].is_string() && deleted["expireTime"].is_string(), "{deleted}");

        // A world that is written down keeps it, too; its name is free.
        let again = Cloud::new(World::read(caller.cloud.world().written()).expect("a world"), options(), None);
        let again = Caller { cloud: again.expect("a world"), name: caller.name };
        assert_eq!((again.get(&one).await.0, names(&again.get(&all).await.1, kind)), (404, vec!["old".to_owned()]));
        again.cloud.advance(Duration::from_secs(31 * 24 * 3600));
        assert_eq!(names(&again.get(&all).await.1, kind), Vec::<String>::new());
        caller.done(Method::POST, &format!("{RUN}/{create}"), body.clone()).await;
        let (_, anew) = caller.get(&one).await;
        assert_eq!((&anew["generation"], anew["deleteTime"].is_null()), (&json!("1"), true));
        assert_ne!(anew["uid"], made["uid"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_says_who_may_call() {
    let everybody = json!([{"role": "roles/run.invoker", "members": ["allUsers"]}]);
    for base in [RUN.to_owned(), RUN.replace("/v2/", "/v1/")] {
        let caller = Caller::new(world());
        let service = json!({"template": {"containers": [{"image": "a"}]}});
        caller.done(Method::POST, &format!("{RUN}/services?serviceId=web"), service).await;
        let (get, set) = (format!("{base}/services/web:getIamPolicy"), format!("{base}/services/web:setIamPolicy"));
        let (_, nobody) = caller.get(&get).await;
        assert_eq!(nobody, json!({"etag": "ACAB"}));
        let policy = json!({"policy": {"etag": nobody["etag"], "bindings": everybody}});
        let (status, written) = caller.send(Method::POST, &set, policy.clone()).await;
        assert_eq!((status, &written["bindings"], &written["version"]), (200, &everybody, &json!(1)));
        assert_eq!(caller.get(&get).await.1, written);
        caller.cloud.advance(Duration::from_secs(1));
        let entry = caller.cloud.audit_entries().pop().expect("an entry");
        let version = if base == RUN { "v2" } else { "v1" };
        let payload = &entry["protoPayload"];
        assert_eq!(payload["methodName"], format!("google.cloud.run.{version}.Services.SetIamPolicy"));
        assert_eq!(payload["resourceName"], "projects/demo/locations/europe-west1/services/web");
        assert_eq!(payload["request"]["policy"], policy["policy"]);
        assert_eq!(payload["authorizationInfo"][0]["permission"], "run.services.setIamPolicy");

        let stranger = format!("{base}/services/none:setIamPolicy");
        hold(
            &caller,
            vec![
                post(&set, policy.clone(), 409, "ABORTED", "There were concurrent policy changes."),
                post(&set, json!({"policy": {"rules": []}}), 400, "INVALID_ARGUMENT", "Unknown name \"rules\""),
                post(stranger, policy, 404, "NOT_FOUND", "Resource 'none' of kind 'SERVICE'"),
                Case(Method::GET, set, Value::Null, 404, "NOT_FOUND", "was not found on this server"),
            ],
        )
        .await;
        // It goes with the service.
        let again = World::read(caller.cloud.world().written()).expect("a world");
        assert_eq!(again.policies.len(), 1);
        caller.done(Method::DELETE, &format!("{RUN}/services/web"), Value::Null).await;
        assert!(caller.cloud.world().policies.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn who_may_set_a_policy_is_told() {
    let caller = Caller::new(world().allow("demo", "sre@example.com", &["run.services.get"]));
    let one = format!("{RUN}/services/web");
    let asked = json!({"permissions": ["run.services.setIamPolicy", "run.services.get"]});
    let (_, granted) = caller.send(Method::POST, &format!("{one}:testIamPermissions"), asked).await;
    assert_eq!(granted, json!({"permissions": ["run.services.get"]}));
    let says = "Permission 'run.services.setIamPolicy' denied";
    hold(&caller, vec![post(format!("{one}:setIamPolicy"), json!({}), 403, "PERMISSION_DENIED", says)]).await;
}
