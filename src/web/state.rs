//! `GET /state?project=&region=`: what stands there, and what a run would do about it.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use futures_util::FutureExt;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tracing::Instrument;

use super::{AppState, caller::Admin, problem::Problem};
use crate::{
    domain::{
        audit::scope::Scope,
        names::{ProjectId, Region},
        report::Report,
        state::observed::Observed,
        target::Target,
    },
    reconcile::queue::{RunRequest, RunResult},
};

#[derive(Deserialize)]
pub struct QueryParams {
    project: Option<String>,
    region: Option<String>,
}

/// Built from typed state, which keeps nothing of a workload but its network settings.
#[derive(Serialize)]
pub struct Seen {
    /// None under mode `off`: then nothing is read.
    observed: Option<Box<Observed>>,
    /// Of a dry run.
    report: Report,
}

/// 400 without both parameters, 404 out of scope.
pub async fn show(
    State(state): State<Arc<AppState>>,
    Admin(held, span): Admin,
    asked: Result<Query<QueryParams>, QueryRejection>,
) -> Result<Json<Seen>, Problem> {
    let Query(asked) = asked.map_err(|rejection| Problem::bad(rejection.body_text()))?;
    let target = target(&asked, &state.app.scope())?;
    let run = state.app.engine.dry_run(RunRequest::new(target)).map(Ok);
    let RunResult { report, observed, .. } = state.admission.wait(&held, run).instrument(span).await?;
    Ok(Json(Seen { observed: observed.map(Box::new), report }))
}

fn target(asked: &QueryParams, scope: &Scope) -> Result<Target, Problem> {
    let (Some(project), Some(region)) = (&asked.project, &asked.region) else {
        return Err(Problem::bad("both parameters are needed: /state?project=PROJECT&region=REGION"));
    };
    let project = ProjectId::parse(project).map_err(|error| Problem::bad(error.to_string()))?;
    let region = Region::parse(region).map_err(|error| Problem::bad(error.to_string()))?;
    if scope.find(&project).is_none() || !scope.has_region(&region) {
        let text = format!("project {project} and region {region}: not in the policy's scope");
        return Err(Problem::new(StatusCode::NOT_FOUND, text));
    }
    Ok(Target { project, region })
}
