/// Whether a connector's egress is open after our denies were disabled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Nothing stops any of its packets.
    Open,
    /// Rules that still stop something, each with what it matches.
    Closed(Vec<String>),
    /// Why nothing can be said.
    NotProven(String),
}
