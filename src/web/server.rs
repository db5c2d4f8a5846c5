//! Serving, and stopping in time.
//!
//! Cloud Run kills ten seconds after SIGTERM: <https://cloud.google.com/run/docs/container-contract#instance-shutdown>.

use std::{future::Future, io, sync::Arc, time::Duration};

use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    time::timeout,
};

use super::{ServerConfig, connections, router};
use crate::app::App;

/// For calls to Google that are on their way.
const CALLS: Duration = Duration::from_secs(7);
/// For reports that are kept.
const FLUSH: Duration = Duration::from_secs(1);

/// Answers until `stop` resolves; then no step is begun, requests that wait get 429, and this returns within 8 s
/// whatever hangs.
///
/// # Errors
/// Those of the listener.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    door: ServerConfig,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let halt = app.engine.stop.clone();
    let mut server = tokio::spawn(connections::serve(listener, router(app.clone(), door), halt.clone()));
    tokio::select! {
        ended = &mut server => return ended?,
        () = stop => {}
    }
    tracing::info!("stopping: no step is begun any more");
    halt.cancel();
    app.tasks.close();
    let rest = async { tokio::join!(&mut server, app.tasks.wait()) };
    if timeout(CALLS, rest).await.is_err() {
        tracing::warn!("stopping though not everything has ended");
        server.abort();
    }
    if timeout(FLUSH, app.engine.outbox.flush()).await.is_err() {
        tracing::warn!("stopping though reports are unsent; their changes stand in this log");
    }
    Ok(())
}

/// Resolves when the process is asked to end: SIGTERM from Cloud Run, SIGINT from a keyboard.
pub async fn terminated() {
    let listen = |kind| signal(kind).inspect_err(|error| tracing::error!(%error, "a signal cannot be heard")).ok();
    let (mut term, mut int) = (listen(SignalKind::terminate()), listen(SignalKind::interrupt()));
    tokio::select! {
        () = heard(&mut term) => {}
        () = heard(&mut int) => {}
    }
}

/// Never, where the system does not let us listen.
async fn heard(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
