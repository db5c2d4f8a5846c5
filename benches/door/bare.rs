//! The floor: axum on the same runtime, which reads the whole body and answers 204.

use std::io;

use axum::{
    Router,
    routing::{get, post},
};
use bytes::Bytes;
use http::StatusCode;
use tokio::net::TcpListener;

/// The argument that turns this program into the bare server; the address follows.
pub const LISTEN: &str = "--listen";

/// Answers until it is killed.
pub fn serve(address: &str) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let router = Router::new().route("/livez", get(async || "alive")).route("/", post(receive));
        axum::serve(TcpListener::bind(address).await?, router).await
    })
}

async fn receive(body: Bytes) -> StatusCode {
    match body.is_empty() {
        true => StatusCode::BAD_REQUEST,
        false => StatusCode::NO_CONTENT,
    }
}
