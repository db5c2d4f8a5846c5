//! From a request to the call that it makes, and from an answer to bytes.

pub mod answers;
pub mod app_routes;
pub mod batch;
pub mod call;
pub mod calls;
pub mod encodings;
pub mod flat_routes;
pub mod hosts;
pub mod paths;
pub mod quotas;
pub mod route;
pub mod routes;
pub mod urls;
