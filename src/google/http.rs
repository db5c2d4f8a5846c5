//! The real transport: one reqwest client, one pool.

use std::{error::Error, iter, time::Duration};

use ::http::HeaderMap;
use bytes::{Bytes, BytesMut};
use reqwest::redirect::Policy;
use tokio::sync::OnceCell;

use crate::google::transport::{BoxFuture, Request, Response, SendError, Sent, Transport};

const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// Far above any page that Google sends, far below what would hurt.
const LARGEST_BODY: usize = 32 << 20;

/// Speaks HTTP and HTTPS. Follows no redirect: an API never sends one, and a token must not travel.
#[derive(Debug, Default)]
pub struct HttpTransport {
    /// Built at the first request: reading the system's certificates takes milliseconds that a start can do without.
    client: OnceCell<reqwest::Client>,
}

/// The answer is larger than is reasonable.
#[derive(Debug, thiserror::Error)]
#[error("the answer is larger than {} MiB", LARGEST_BODY >> 20)]
struct TooLarge;

impl Transport for HttpTransport {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>> {
        Box::pin(self.exchange(request))
    }
}

impl HttpTransport {
    async fn exchange(&self, request: Request) -> Result<Response, SendError> {
        let client = self.client.get_or_try_init(async || build()).await.map_err(not_sent)?;
        let mut http = reqwest::Request::try_from(request.http).map_err(not_sent)?;
        *http.timeout_mut() = Some(request.deadline);
        let mut answer = client.execute(http).await.map_err(failed)?;
        let status = answer.status();
        let headers = std::mem::replace(answer.headers_mut(), HeaderMap::new());
        let mut response = Response::new(body(answer).await?);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

fn build() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().redirect(Policy::none()).connect_timeout(CONNECT_DEADLINE).build()
}

async fn body(mut answer: reqwest::Response) -> Result<Bytes, SendError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > LARGEST_BODY {
            return Err(SendError { sent: Sent::Maybe, source: Box::new(TooLarge) });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn not_sent(error: reqwest::Error) -> SendError {
    SendError { sent: Sent::No, source: in_full(error) }
}

/// Only a connection that never stood proves that nothing was sent.
fn failed(error: reqwest::Error) -> SendError {
    let sent = if error.is_connect() { Sent::No } else { Sent::Maybe };
    SendError { sent, source: in_full(error) }
}

/// reqwest's own text says only that sending failed; the causes say why.
fn in_full(error: reqwest::Error) -> Box<dyn Error + Send + Sync> {
    let error = error.without_url();
    let causes = iter::successors(Some(&error as &dyn Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ").into()
}
