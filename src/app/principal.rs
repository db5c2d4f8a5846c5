//! Our own service account, by Cloud Run's metadata server.
//!
//! <https://cloud.google.com/run/docs/container-contract#metadata-server>

use std::{str, time::Duration};

use bytes::Bytes;
use tokio::time::sleep;

use crate::google::transport::{Request, Transport};

const HOST: &str = "metadata.google.internal";
const DEADLINE: Duration = Duration::from_secs(2);
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// Asks until it is told. `host` is `GCE_METADATA_HOST`.
pub async fn learn(transport: &dyn Transport, host: Option<&str>) -> String {
    let mut pause = Duration::from_secs(1);
    loop {
        match ask(transport, host.unwrap_or(HOST)).await {
            Ok(email) => {
                tracing::info!(email, "the metadata server told who we are");
                return email;
            }
            Err(why) => tracing::warn!(why, "who we are is unknown: no entry counts as our own"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

async fn ask(transport: &dyn Transport, host: &str) -> Result<String, String> {
    let url = format!("http://{host}/computeMetadata/v1/instance/service-accounts/default/email");
    let http = http::Request::get(url)
        .header("metadata-flavor", "Google")
        .body(Bytes::new())
        .map_err(|error| error.to_string())?;
    let request = Request { call: "metadata.serviceAccounts.email", http, deadline: DEADLINE };
    let response = transport.send(request).await.map_err(|error| error.to_string())?;
    let text = str::from_utf8(response.body()).unwrap_or_default().trim();
    match response.status().is_success() && is_email(text) {
        true => Ok(text.to_owned()),
        false => Err(format!("the metadata server answered {} and no e-mail address", response.status())),
    }
}

fn is_email(text: &str) -> bool {
    text.len() <= 254 && text.contains('@') && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::google::transport::{BoxFuture, Response, SendError, Sent};

    /// Gives the answers it has, last first.
    struct Server(Mutex<Vec<Option<(u16, &'static str)>>>);

    impl Transport for Server {
        fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>> {
            assert_eq!(request.http.headers()["metadata-flavor"], "Google");
            assert_eq!(request.http.uri().host(), Some("127.0.0.1"));
            let answer = self.0.lock().unwrap().pop().unwrap();
            Box::pin(std::future::ready(match answer {
                Some((status, body)) => Ok(http::Response::builder().status(status).body(body.into()).unwrap()),
                None => Err(SendError { sent: Sent::No, source: "connection refused".into() }),
            }))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn asks_until_it_is_told() {
        const EMAIL: &str = "reconciler@demo-project.iam.gserviceaccount.com";
        let answers = vec![Some((200, EMAIL)), Some((200, "<html>\n@")), Some((503, "a@b")), None];
        let server = Server(Mutex::new(answers));
        assert_eq!(learn(&server, Some("127.0.0.1:8080")).await, EMAIL);
    }
}
