//! The wire to Google's APIs: nothing here knows what the program is for.

pub mod transport;
