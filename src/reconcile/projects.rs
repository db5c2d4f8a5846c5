//! The ids behind project numbers: asked for once, for a number never changes hands.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use futures_util::future::join_all;

use super::reads::read;
use crate::{
    domain::{names::ProjectId, state::read::Read},
    google::client::Client,
};

#[derive(Debug, Default)]
pub struct Projects(Mutex<BTreeMap<ProjectId, ProjectId>>);

#[derive(serde::Deserialize)]
struct Project {
    name: ProjectId,
}

impl Projects {
    pub async fn ids(&self, client: &Client, numbers: BTreeSet<ProjectId>) -> BTreeMap<ProjectId, Read<ProjectId>> {
        let asked = numbers.into_iter().map(|number| async move {
            let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned();
            if let Some(id) = known {
                return (number, Ok(id));
            }
            let id = read(client.get_project::<Project>(number.as_str()).await).map(|project| project.name);
            if let Ok(id) = &id {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(number.clone(), id.clone());
            }
            (number, id)
        });
        join_all(asked).await.into_iter().collect()
    }
}
