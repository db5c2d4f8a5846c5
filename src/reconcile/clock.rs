//! What time it is.

use std::sync::Arc;

use jiff::Timestamp;

/// The wall clock, given by whoever puts the program together: sleeps go by tokio's clock, stamps and reports by this.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
