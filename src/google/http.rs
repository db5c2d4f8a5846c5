//! The real transport: one reqwest client, one pool.

use std::{error::Error, iter, net::IpAddr, time::Duration};

use ::http::{HeaderMap, Uri};
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
    /// For this machine, which no proxy reaches.
    direct: OnceCell<reqwest::Client>,
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
        let client = match is_loopback(request.http.uri()) {
            true => self.direct.get_or_try_init(async || builder().no_proxy().build()).await,
            false => self.client.get_or_try_init(async || builder().build()).await,
        };
        let client = client.map_err(not_sent)?;
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

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder().redirect(Policy::none()).connect_timeout(CONNECT_DEADLINE)
}

fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
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
    let causes = iter::successors(Some(&error as &dyn Error), |error| (**error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ").into()
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    async fn get(url: String) -> Result<Response, SendError> {
        let http = ::http::Request::get(url).body(Bytes::new()).unwrap();
        HttpTransport::default().send(Request { call: "test", http, deadline: Duration::from_secs(5) }).await
    }

    /// What comes of a server that answers one request with these bytes and hangs up.
    async fn against(bytes: &'static str) -> Result<Response, SendError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/?token=s3cret", listener.local_addr().unwrap());
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await.unwrap();
            stream.write_all(bytes.as_bytes()).await.unwrap();
        };
        tokio::join!(get(url), serve).0
    }

    #[test]
    fn this_machine_is_reached_without_a_proxy() {
        let cases = [
            ("http://127.0.0.1:8080/x", true),
            ("http://127.9.9.9/x", true),
            ("http://[::1]:8080/x", true),
            ("http://LocalHost:8080/x", true),
            ("http://run.simulated/x", false),
            ("https://127.0.0.1.example.com/x", false),
            ("http://10.0.0.1/x", false),
            ("/x", false),
        ];
        for (uri, expected) in cases {
            assert_eq!(is_loopback(&uri.parse().unwrap()), expected, "{uri}");
        }
    }

    // Only a socket can tell what reqwest calls a connection error.
    #[tokio::test]
    async fn knows_what_may_have_been_sent() {
        let answer = against("HTTP/1.1 302 Found\r\nlocation: http://elsewhere/\r\ncontent-length: 2\r\n\r\nhi").await;
        let answer = answer.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.body()[..]), (302, &b"hi"[..]));
        assert_eq!(answer.headers()["location"], "http://elsewhere/");

        for broken in ["", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"] {
            let error = against(broken).await.unwrap_err();
            assert_eq!(error.sent, Sent::Maybe, "{error}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }

        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let error = get(format!("http://{closed}/")).await.unwrap_err();
        assert_eq!(error.sent, Sent::No);
        assert!(error.to_string().contains("refused"), "{error}");
    }

    #[tokio::test]
    async fn an_answer_without_end_is_cut_off() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            // An answer to what was not asked yet is another error.
            let _ = stream.read(&mut [0; 1024]).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
            let chunk = format!("100000\r\n{}\r\n", " ".repeat(0x10_0000));
            let mut sent = 0;
            while sent < 10 * LARGEST_BODY && stream.write_all(chunk.as_bytes()).await.is_ok() {
                sent += 0x10_0000;
            }
            sent
        };
        let (answer, sent) = tokio::join!(get(url), serve);
        let error = answer.unwrap_err();
        assert!(error.to_string().contains("larger than 32 MiB") && error.sent == Sent::Maybe, "{error}");
        assert!(sent < 2 * LARGEST_BODY, "{sent}");
    }
}
