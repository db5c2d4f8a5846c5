//! When a call is sent again, and after how long.

use std::{future::Future, time::Duration};

use backon::{Backoff, BackoffBuilder, ExponentialBuilder, Retryable};
use tokio::time::Instant;

use crate::google::{
    error::CallError,
    error_kind::ErrorKind,
    transport::{SendError, Sent},
};

/// How long one attempt may take.
const CALL_DEADLINE: Duration = Duration::from_secs(10);

/// How long all attempts and the waits between them may take together.
const IN_ALL: Duration = Duration::from_secs(30);

const STEPS: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(250))
    .with_factor(2.0)
    .with_max_delay(Duration::from_secs(8))
    .with_max_times(8);

/// Which failures allow another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// A read: a second attempt does no harm, and a refusal that speaks of another write (409, 412) is over in a moment.
    Read,
    /// A second attempt does no harm: writes with a `requestId`.
    Freely,
    /// Never by itself: whoever sends it reads again before another attempt.
    Never,
    /// Only a failure that proves that nothing happened.
    IfNothingHappened,
}

/// Calls `attempt` with the time it may take, until it succeeds or must not or need not be repeated.
pub(super) async fn repeat<T, Answer>(
    call: &'static str,
    rule: Repeat,
    seed: u64,
    attempt: impl Fn(Duration) -> Answer,
) -> Result<T, CallError>
where
    Answer: Future<Output = Result<T, CallError>>,
{
    let begun = Instant::now();
    let left = || IN_ALL.saturating_sub(begun.elapsed());
    (|| attempt(left().min(CALL_DEADLINE)))
        .retry(full_jitter(seed))
        .when(|error| may_repeat(rule, error))
        .adjust(|error, delay| {
            let delay = delay?.max(error.retry_after().unwrap_or_default());
            (delay < left()).then_some(delay)
        })
        .notify(|error, delay| {
            tracing::debug!(call, %error, delay_ms = delay.as_secs_f64() * 1000.0, "the call is repeated");
        })
        .await
}

fn may_repeat(rule: Repeat, error: &CallError) -> bool {
    let harmless = matches!(rule, Repeat::Read | Repeat::Freely);
    match error {
        _ if rule == Repeat::Never => false,
        CallError::Unreachable { source: SendError { sent: Sent::No, .. }, .. } => true,
        CallError::Unreachable { .. } => harmless,
        CallError::Refused { status, .. } => match error.kind() {
            _ if rule == Repeat::Read && matches!(status.as_u16(), 409 | 412) => true,
            ErrorKind::RateLimited | ErrorKind::OperationInProgress | ErrorKind::NotReady => true,
            ErrorKind::Transient => harmless,
            _ => false,
        },
        _ => false,
    }
}

/// Delays drawn evenly from zero to the exponential step, so that those who failed together do not return together.
/// backon adds such a draw to its step: what it added is what is wanted.
fn full_jitter(seed: u64) -> impl Backoff {
    let drawn = STEPS.with_jitter().with_jitter_seed(seed).build();
    drawn.zip(STEPS.build()).map(|(drawn, step)| drawn.saturating_sub(step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_fill_their_step_and_follow_the_seed() {
        let delays = |seed| full_jitter(seed).collect::<Vec<_>>();
        assert_eq!(delays(7), delays(7));
        assert_ne!(delays(7), delays(8));

        for step in 0..8 {
            let limit = Duration::from_millis(250 << step).min(Duration::from_secs(8));
            let drawn: Vec<_> = (0..200).map(|seed| delays(seed)[step]).collect();
            assert!(drawn.iter().all(|delay| *delay <= limit), "step {step}");
            assert!(drawn.iter().any(|delay| *delay < limit / 4), "step {step}");
            assert!(drawn.iter().any(|delay| *delay > limit * 3 / 4), "step {step}");
        }
    }
}
