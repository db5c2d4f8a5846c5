//! What is known of projects: the ids behind their numbers, asked for once, since a number never changes hands; and which
//! APIs were not enabled a moment ago.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::time::Instant;

use super::reads::read;
use crate::{
    domain::{
        names::ProjectId,
        state::read::{Read, ReadFailure},
    },
    google::client::Client,
};

/// How long an API counts as not enabled where nothing is stopped or removed because of it.
const DISABLED_FOR: Duration = Duration::from_secs(600);

#[derive(Debug, Default)]
pub struct Projects {
    ids: Mutex<BTreeMap<ProjectId, ProjectId>>,
    disabled: Mutex<BTreeMap<(ProjectId, String), (Instant, ReadFailure)>>,
}

#[derive(serde::Deserialize)]
struct Project {
    name: ProjectId,
}

impl Projects {
    pub async fn ids(&self, client: &Client, numbers: BTreeSet<ProjectId>) -> BTreeMap<ProjectId, Read<ProjectId>> {
        let asked = numbers.into_iter().map(|number| async move {
            let known = self.ids.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned();
            if let Some(id) = known {
                return (number, Ok(id));
            }
            let id = read(client.get_project::<Project>(number.as_str()).await).map(|project| project.name);
            if let Ok(id) = &id {
                self.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(number.clone(), id.clone());
            }
            (number, id)
        });
        join_all(asked).await.into_iter().collect()
    }

    /// The refusal of an API, such as `cloudfunctions`, that was not enabled a moment ago.
    pub fn disabled(&self, project: &ProjectId, api: &str) -> Option<ReadFailure> {
        let known = self.disabled.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, failure) = known.get(&(project.clone(), api.to_owned()))?;
        (at.elapsed() < DISABLED_FOR).then(|| failure.clone())
    }

    /// An API is not enabled in the project, as a call of it was told.
    pub fn note_disabled(&self, project: &ProjectId, failure: &ReadFailure) {
        let api = failure.call.split('.').next().unwrap_or_default().to_owned();
        let mut known = self.disabled.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, _) = known.entry((project.clone(), api)).or_insert_with(|| (Instant::now(), failure.clone()));
        if at.elapsed() >= DISABLED_FOR {
            *at = Instant::now();
        }
    }
}
