//! The wire between Google, Pub/Sub and the instances: slow, lossy, repeating, and silent for who is killed.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use egress_reconciler::{
    domain::report::Report,
    google::transport::{BoxFuture, Request, Response, SendError, Sent, Transport},
    reconcile::publish::{Publish, PublishError},
    sim::cloud::Cloud,
};
use http::Method;
use tokio::{sync::watch, time::sleep};
use tower::ServiceExt;

use crate::cloud::Shared;

/// From an instance to Google.
pub struct Wire {
    pub cloud: Cloud,
    pub shared: Arc<Shared>,
    pub killed: watch::Receiver<bool>,
}

impl Wire {
    async fn travel(&self) {
        let slow = self.shared.trouble.lock().unwrap().slow_ms;
        let takes = self.shared.chance.lock().unwrap().below(slow + 1);
        sleep(Duration::from_millis(takes)).await;
        if *self.killed.borrow() {
            std::future::pending::<()>().await;
        }
    }
}

impl Transport for Wire {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>> {
        Box::pin(async move {
            self.travel().await;
            let writes = request.http.method() != Method::GET;
            let answer = self.cloud.transport().send(request).await;
            if writes {
                self.shared.history.observe(&self.cloud, "program");
            }
            self.travel().await;
            answer
        })
    }
}

/// Where reports go.
pub struct Topic {
    pub shared: Arc<Shared>,
    pub cloud: Cloud,
    pub killed: watch::Receiver<bool>,
}

impl Publish for Topic {
    fn publish<'a>(&'a self, report: &'a Report) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            if *self.killed.borrow() {
                return std::future::pending().await;
            }
            let percent = self.shared.trouble.lock().unwrap().unpublished;
            if self.shared.chance.lock().unwrap().percent(percent) {
                return Err(PublishError::Transient("no answer".into()));
            }
            let report = serde_json::to_value(report).unwrap();
            self.shared.history.reports.lock().unwrap().push((self.cloud.now(), report));
            Ok(())
        })
    }
}

/// From Pub/Sub to whichever instance is alive.
pub struct Deliveries(pub Arc<Shared>);

impl Transport for Deliveries {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>> {
        Box::pin(async move {
            let (lost, twice, delay) = {
                let (trouble, mut chance) = (*self.0.trouble.lock().unwrap(), self.0.chance.lock().unwrap());
                let late = chance.percent(trouble.late);
                let delay = chance.below(if late { 90_000 } else { 1500 });
                (chance.percent(trouble.lost), chance.percent(trouble.twice), delay)
            };
            if lost {
                return Ok(http::Response::builder().status(204).body(Bytes::new()).unwrap());
            }
            sleep(Duration::from_millis(delay)).await;
            if twice {
                let (shared, again) = (self.0.clone(), request.http.clone());
                let delay = shared.chance.lock().unwrap().below(30_000);
                tokio::spawn(async move {
                    sleep(Duration::from_millis(delay)).await;
                    let _ = shared.deliver(again).await;
                });
            }
            self.0.deliver(request.http).await
        })
    }
}

impl Shared {
    async fn deliver(&self, request: http::Request<Bytes>) -> Result<Response, SendError> {
        let broken = || SendError { sent: Sent::Maybe, source: "connection reset".into() };
        let instance = {
            let all = self.instances.lock().unwrap();
            let which = self.chance.lock().unwrap().below(all.len() as u64) as usize;
            all.get(which).cloned()
        };
        let Some(instance) = instance else { return Err(broken()) };
        let mut killed = instance.killed.subscribe();
        let body = request.body().clone();
        let answered = async {
            let answer = instance.router.clone().oneshot(request.map(Body::from)).await.unwrap();
            answer.map(|_| Bytes::new())
        };
        tokio::select! {
            answer = answered => {
                self.history.answers.lock().unwrap().push((answer.status(), instance.name, body));
                Ok(answer)
            }
            _ = killed.wait_for(|killed| *killed) => Err(broken()),
        }
    }
}
