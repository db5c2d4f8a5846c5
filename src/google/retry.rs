//! When a call is sent again, and after how long.

use std::time::Duration;

use backon::{Backoff, BackoffBuilder, ExponentialBuilder};

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

/// What is left of the time and the attempts of one call. The time it waits for its turn does not count.
pub(super) struct Patience<Delays> {
    rule: Repeat,
    left: Duration,
    delays: Delays,
}

/// What follows a failed attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Again { pause: Duration },
    GiveUp,
}

impl Patience<()> {
    /// Delays between attempts follow from `seed`.
    pub fn new(rule: Repeat, seed: u64) -> Patience<impl Backoff> {
        Patience { rule, left: IN_ALL, delays: full_jitter(seed) }
    }
}

impl<Delays: Backoff> Patience<Delays> {
    /// How long an attempt may take that begins now.
    pub fn deadline(&self) -> Duration {
        self.left.min(CALL_DEADLINE)
    }

    /// An attempt failed after `took`. `is_held` = the calls that wait for their turn wait for as long as is needed.
    pub fn after(&mut self, error: &CallError, took: Duration, is_held: bool) -> Next {
        self.left = self.left.saturating_sub(took);
        let delay = self.delays.next().filter(|_| may_repeat(self.rule, error));
        let pause = match delay {
            None => return Next::GiveUp,
            Some(_) if is_held => Duration::ZERO,
            Some(delay) => delay.max(error.retry_after().unwrap_or_default()),
        };
        if pause >= self.left {
            return Next::GiveUp;
        }
        self.left -= pause;
        Next::Again { pause }
    }
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
