//! Reports on their way out: one that could not be sent is kept, and goes first the next time.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use super::publish::{Publish, PublishError};
use crate::domain::report::Report;

/// Reports kept; beyond it the oldest is dropped, loudly. Its writes stand in the log.
const MAX_UNSENT_REPORTS: usize = 200;
/// After a publish without an answer, the next is not tried before this.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

pub struct Outbox {
    /// Replaced when the policy names another topic.
    publish: watch::Receiver<Arc<dyn Publish>>,
    /// Held while sending, so that reports leave in order.
    unsent: tokio::sync::Mutex<Unsent>,
    refused: Mutex<Option<String>>,
}

#[derive(Default)]
struct Unsent {
    kept: VecDeque<Report>,
    /// When the topic last gave no answer, and why: until a moment has passed nobody waits for it again.
    failed: Option<(Instant, String)>,
}

impl Unsent {
    fn may_try(&self) -> Result<(), PublishError> {
        match &self.failed {
            Some((at, why)) if at.elapsed() < RETRY_INTERVAL => Err(PublishError::Transient(why.clone())),
            _ => Ok(()),
        }
    }

    fn failed(&mut self, why: &str) {
        let fresh = self.failed.as_ref().is_none_or(|(at, _)| at.elapsed() >= RETRY_INTERVAL);
        if fresh {
            self.failed = Some((Instant::now(), why.to_owned()));
        }
    }

    fn keep(&mut self, report: Report) {
        if self.kept.len() == MAX_UNSENT_REPORTS
            && let Some(dropped) = self.kept.pop_front()
        {
            tracing::error!(
                report = dropped.id,
                "a report of changes is dropped: {MAX_UNSENT_REPORTS} others wait for the topic"
            );
        }
        self.kept.push_back(report);
    }
}

impl Outbox {
    pub fn new(publish: watch::Receiver<Arc<dyn Publish>>) -> Self {
        Self { publish, unsent: tokio::sync::Mutex::default(), refused: Mutex::default() }
    }

    /// Sends what was kept, then this. What fails is kept where it tells of a change.
    pub async fn send(&self, report: &Report) -> Result<(), PublishError> {
        let publish = self.publish.borrow().clone();
        let mut unsent = self.unsent.lock().await;
        let mut result = unsent.may_try();
        while let (Ok(()), Some(kept)) = (&result, unsent.kept.front()) {
            result = publish.publish(kept).await;
            if let Err(error @ PublishError::Unfit(_)) = &result {
                dropped(kept, error);
                result = Ok(());
            }
            if result.is_ok() {
                unsent.kept.pop_front();
            }
        }
        if result.is_ok() {
            result = publish.publish(report).await;
        }
        let keep = matches!(result, Err(PublishError::Transient(_) | PublishError::Refused(_))) && report.changed();
        if keep {
            unsent.keep(report.clone());
        }
        if let Err(PublishError::Transient(why)) = &result {
            unsent.failed(why);
        }
        self.note(&result);
        result
    }

    /// Sends what was kept, before the process ends. Returns how many reports stay unsent.
    pub async fn flush(&self) -> usize {
        let publish = self.publish.borrow().clone();
        let mut unsent = self.unsent.lock().await;
        while let Some(kept) = unsent.kept.front() {
            match publish.publish(kept).await {
                Ok(()) => {}
                Err(error @ PublishError::Unfit(_)) => dropped(kept, &error),
                Err(_) => break,
            }
            unsent.kept.pop_front();
        }
        unsent.kept.len()
    }

    /// Why reports are refused, if they are: the service is not ready while nobody can hear it.
    pub fn refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reports go elsewhere from now on: what was refused before says nothing of that.
    pub fn forget_refusal(&self) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn note(&self, result: &Result<(), PublishError>) {
        let refused = match result {
            Err(error @ PublishError::Refused(_)) => {
                tracing::error!(%error, "publishing");
                Some(error.to_string())
            }
            Err(error) => {
                tracing::warn!(%error, "publishing");
                None
            }
            Ok(()) => None,
        };
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
    }
}

/// Nothing can send it, and those behind it wait.
fn dropped(kept: &Report, error: &PublishError) {
    tracing::error!(report = kept.id, %error, "a report of changes is dropped; its writes stand in the log");
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use jiff::Timestamp;

    use super::*;
    use crate::{
        domain::{
            plan::{Kind, Verb},
            policy,
            report::{StepOutcome, StepReport},
        },
        google::transport::BoxFuture,
    };

    const POLICY: &str = "{version: 1, owner: o, mode: create, scope: {projects: [demo-project]}, network: {name: vpc}, connector: {ensure: never}}";

    /// Answers what stands in the list, then takes everything.
    struct FlakyPublisher(Mutex<VecDeque<PublishError>>);

    impl Publish for FlakyPublisher {
        fn publish<'a>(&'a self, _: &'a Report) -> BoxFuture<'a, Result<(), PublishError>> {
            let answer = self.0.lock().unwrap().pop_front();
            Box::pin(async move { answer.map_or(Ok(()), Err) })
        }
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn changed(id: &str) -> Report {
        let step = StepReport {
            step: Kind::Firewall.named("a"),
            verb: Verb::Create,
            reason: "missing".into(),
            diff: Vec::new(),
            before: None,
            after: None,
            outcome: StepOutcome::Done,
        };
        let policy = policy::read(POLICY).unwrap();
        Report { steps: vec![step], ..Report::begun(id.to_owned(), &policy, Timestamp::UNIX_EPOCH) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_kept_report_that_cannot_be_sent_is_not_dropped_in_silence() {
        let answers = [PublishError::Transient("no answer".into()), PublishError::Unfit("too large".into())];
        let publish: Arc<dyn Publish> = Arc::new(FlakyPublisher(Mutex::new(answers.into())));
        let outbox = Outbox::new(watch::channel(publish).1);
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        assert!(outbox.send(&changed("first")).await.is_err());
        tokio::time::sleep(RETRY_INTERVAL).await;
        assert!(outbox.send(&changed("second")).await.is_ok(), "those behind it are not held up");
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(text.lines().any(|line| line.contains("ERROR") && line.contains("first")), "{text}");
        assert_eq!(outbox.flush().await, 0);
    }
}
