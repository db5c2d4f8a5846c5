//! Documents by path, in versions; what a kind of document is; time and randomness.

pub mod clock;
pub mod dice;
pub mod documents;
pub mod kind;
