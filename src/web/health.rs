//! Whether the service lives, whether it can do its work, and what it counted. No token is asked for.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header::CONTENT_TYPE};
use serde_json::json;

use super::AppState;

/// <https://prometheus.io/docs/specs/om/open_metrics_spec/#overall-structure>
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub async fn alive() -> Response {
    Json(json!({"status": "alive"})).into_response()
}

/// 503 while a person must act: the policy file is wrong, or nobody can hear the reports.
pub async fn ready(State(state): State<Arc<AppState>>) -> Response {
    let reasons = state.app.readiness_problems();
    match reasons.is_empty() {
        true => Json(json!({"status": "ready"})).into_response(),
        false => {
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "not-ready", "reasons": reasons}))).into_response()
        }
    }
}

pub async fn metrics(State(state): State<Arc<AppState>>) -> Response {
    ([(CONTENT_TYPE, OPEN_METRICS)], state.app.metrics.text()).into_response()
}
