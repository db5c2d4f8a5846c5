//! The HTTP door.

pub mod delivery;
pub mod logs;
pub mod server;

#[derive(Debug, Clone, PartialEq)]
pub enum Auth {
    Off,
    Platform { audience: String, callers: Vec<String>, admins: Vec<String> },
}
#[derive(Debug, Clone)]
pub struct Door {
    pub auth: Auth,
    pub max_concurrent: usize,
}
