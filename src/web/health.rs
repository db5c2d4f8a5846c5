//! Whether the service lives, whether it can do its work, and what it counted. No token is asked for.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use serde_json::json;

use super::AppState;

/// <https://prometheus.io/docs/specs/om/open_metrics_spec/#overall-structure>
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>
const PLAIN_METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

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

/// OpenMetrics, unless the reader asks for plain text alone.
pub async fn metrics(State(state): State<Arc<AppState>>, headers: HeaderMap) -> Response {
    let accepts = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (kind, text) = match accepts.contains("text/plain") && !accepts.contains("openmetrics-text") {
        true => (PLAIN_METRICS, state.app.metrics.plain_text()),
        false => (OPEN_METRICS, state.app.metrics.text()),
    };
    ([(CONTENT_TYPE, kind)], text).into_response()
}
