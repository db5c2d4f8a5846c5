use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, answer, stage};
use crate::google::{error::CallError, error_kind::ErrorKind};

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

fn names(list: Vec<Named>) -> Vec<String> {
    list.into_iter().map(|element| element.name).collect()
}

fn page(items: &[&str], token: Option<&str>) -> Answer {
    let items: Vec<Value> = items.iter().map(|name| json!({ "name": name })).collect();
    answer(200, json!({"items": items, "nextPageToken": token}))
}

#[tokio::test]
async fn a_list_is_all_of_its_pages() {
    let stage = stage([page(&["a", "b"], Some("x&y")), page(&[], Some("z")), page(&["c"], Some(""))]);
    assert_eq!(names(stage.client.list_firewalls("p").await.unwrap()), ["a", "b", "c"]);
    let base = "GET compute.googleapis.com/compute/v1/projects/p/global/firewalls?maxResults=500";
    let expected = [base.to_owned(), format!("{base}&pageToken=x%26y"), format!("{base}&pageToken=z")];
    assert_eq!(stage.asked(), expected);
}

#[tokio::test]
async fn an_aggregated_list_is_all_of_its_scopes() {
    let empty = json!({"warning": {"code": "NO_RESULTS_ON_PAGE", "message": "There are no results"}});
    let stage = stage([
        answer(
            200,
            json!({"items": {"regions/a": {"subnetworks": [{"name": "s1"}]}, "regions/b": empty},
                           "nextPageToken": "t"}),
        ),
        answer(200, json!({"items": {"regions/b": {"subnetworks": [{"name": "s2"}]}}})),
    ]);
    assert_eq!(names(stage.client.list_all_subnetworks("p").await.unwrap()), ["s1", "s2"]);
}

#[tokio::test]
async fn a_list_with_gaps_is_no_list() {
    let warning = json!({"code": "UNREACHABLE", "message": "regions/a cannot be reached"});
    let cases = [
        json!({"items": [], "unreachable": ["projects/p/locations/a"]}),
        json!({"items": {"regions/a": {"warning": warning}}}),
        json!({"items": {}, "warning": warning}),
        json!({"items": {}, "unreachables": ["regions/a"]}),
    ];
    for body in cases {
        let stage = stage([answer(200, body.clone())]);
        let error = stage.client.list_all_subnetworks::<Value>("p").await.unwrap_err();
        assert!(matches!(error, CallError::Incomplete { .. }), "{body}: {error}");
        assert_eq!(error.kind(), ErrorKind::Transient);
    }
}

#[tokio::test]
async fn pages_without_end_are_given_up() {
    let circle = stage([page(&["a"], Some("1")), page(&["b"], Some("2")), page(&["a"], Some("1"))]);
    let error = circle.client.list_routes::<Value>("p").await.unwrap_err();
    assert!(error.to_string().ends_with("a page token came twice"), "{error}");
    assert_eq!(circle.attempts(), 3);

    let tokens: Vec<String> = (0..300).map(|number| number.to_string()).collect();
    let endless = stage(tokens.iter().map(|token| page(&[], Some(token))));
    let error = endless.client.list_routes::<Value>("p").await.unwrap_err();
    assert!(error.to_string().ends_with("the pages do not end"), "{error}");
    assert_eq!(endless.attempts(), 200);
}

#[tokio::test]
async fn a_strange_answer_is_located_and_not_repeated() {
    let secret = "hunter2".repeat(1000);
    let cases = [
        (json!({"items": [{"name": "a"}, {"name": 7}]}), "items[1]: invalid type"),
        (json!({"items": [{"other": secret}]}), "items[0]: missing field `name`"),
        (json!({"items": {"a": 1}}), "items is not a list"),
        (json!({"nextPageToken": 7}), "the token of the next page is not a string"),
        (json!([secret]), "line 1 column"),
    ];
    for (body, place) in cases {
        let stage = stage([answer(200, body)]);
        let text = stage.client.list_firewalls::<Named>("p").await.unwrap_err().to_string();
        assert!(text.contains(place), "{text}");
        assert!(text.len() < 700 && !text.contains("hunter2"), "{text}");
        assert_eq!(stage.attempts(), 1);
    }
}
