//! The one seam: everything the program says to Google goes through [`Transport`].
//!
//! The real one speaks HTTP, the simulated cloud answers in process, decorators count and break.

use std::{error::Error, fmt, future::Future, pin::Pin, time::Duration};

use bytes::Bytes;

/// A boxed future, because the seam is an `Arc<dyn Transport>`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Sends one HTTP request and returns Google's answer, whatever its status.
pub trait Transport: Send + Sync {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>>;
}

/// One HTTP request, with the name of the API method it calls.
#[derive(Debug, Clone)]
pub struct Request {
    /// Google's own name of the method, such as `compute.firewalls.insert`: what metrics and reports count.
    pub call: &'static str,
    pub http: http::Request<Bytes>,
    /// How long the answer may take.
    pub deadline: Duration,
}

/// An HTTP response with its whole body.
pub type Response = http::Response<Bytes>;

/// No answer came.
#[derive(Debug)]
pub struct SendError {
    /// Whether Google may have seen the request: a write is repeated only after [`Sent::No`].
    pub sent: Sent,
    pub source: Box<dyn Error + Send + Sync>,
}

/// Whether a request may have reached the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    No,
    Maybe,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sent {
            Sent::No => write!(f, "the request could not be sent: {}", self.source),
            Sent::Maybe => write!(f, "no answer came: {}", self.source),
        }
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}
