use std::{sync::Arc, time::Instant};

use super::metrics::Metrics;
use crate::google::transport::{BoxFuture, Request, Response, SendError, Transport};

/// Counts every call by method and status.
pub struct MeteredTransport {
    inner: Arc<dyn Transport>,
    metrics: Arc<Metrics>,
}

impl MeteredTransport {
    pub fn new(inner: Arc<dyn Transport>, metrics: Arc<Metrics>) -> Self {
        Self { inner, metrics }
    }
}

impl Transport for MeteredTransport {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>> {
        Box::pin(async move {
            let (call, begun) = (request.call, Instant::now());
            let answer = self.inner.send(request).await;
            let status = answer.as_ref().map_or(0, |response| response.status().as_u16());
            self.metrics.call(call, status, begun.elapsed());
            answer
        })
    }
}
