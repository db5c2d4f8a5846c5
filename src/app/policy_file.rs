//! Watches the policy file.

use std::{io, sync::Arc, time::Duration};

use tokio::{fs, time::sleep};

use super::{App, parsed};

const EVERY: Duration = Duration::from_secs(2);

/// Reads the file again and again, never ends. The text tells of a change, not the time: Secret Manager's mounts and
/// Kubernetes' swap links. A file half written is not believed: it has to read the same twice.
pub async fn follow(app: Arc<App>) {
    let path = &app.settings.policy;
    let mut last = None;
    let mut judged = None;
    loop {
        sleep(EVERY).await;
        let found = fs::read_to_string(path).await.map_err(|error| error.kind());
        if judged.as_ref() != Some(&found) && last.as_ref() == Some(&found) {
            match parsed(path, found.clone().map_err(io::Error::from)) {
                Ok(policy) => app.adopt(policy),
                Err(error) => app.degrade_to_report_only(error.to_string()),
            }
            judged = Some(found.clone());
        }
        last = Some(found);
    }
}
