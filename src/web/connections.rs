//! Connections: HTTP/1.1, as Pub/Sub and Eventarc speak it to Cloud Run.

use std::{any::Any, convert::Infallible, io, panic::AssertUnwindSafe, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use http::StatusCode;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::{problem::Problem, trace::RequestTrace};

/// How long a client may take to say what it wants.
const HEADERS: Duration = Duration::from_secs(10);
/// After an accept that failed for want of file descriptors: the next one would fail as well.
const CLOSE_DELAY: Duration = Duration::from_millis(200);

/// Answers every connection until `halt`; then those that are open end with the request they are at.
pub async fn serve(listener: TcpListener, router: Router, halt: CancellationToken) -> io::Result<()> {
    let open = GracefulShutdown::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(CLOSE_DELAY).await;
                    continue;
                }
            },
            () = halt.cancelled() => break,
        };
        // A socket that does not take the option is only slower.
        let _ = stream.set_nodelay(true);
        let connection = answer(stream, router.clone());
        tokio::spawn(open.watch(connection));
    }
    drop(listener);
    open.shutdown().await;
    Ok(())
}

/// Answers what comes over one connection, in the order in which it comes.
pub fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    router: Router,
) -> http1::Connection<
    TokioIo<S>,
    impl hyper::service::Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + Send,
> {
    let service = service_fn(move |request: Request<Incoming>| answered(router.clone(), request.map(Body::new)));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        // A sink's attribute becomes a header of that name, slash and all; refused, it would be delivered for ever.
        .ignore_invalid_headers(true)
        .serve_connection(TokioIo::new(stream), service)
}

/// What the doors answer to one request; there is an answer whatever happens. The request is taken apart before anything
/// waits: what a future is made from it keeps room for until its end.
///
/// # Errors
/// None.
pub fn answered(mut router: Router, request: Request) -> impl Future<Output = Result<Response, Infallible>> + Send {
    let (head, body) = request.into_parts();
    let asked = RequestTrace::of(&head);
    // Nothing is seen half done afterwards: a lock whose holder died guards counts and queues that hold at every step.
    let answer = AssertUnwindSafe(router.call(Request::from_parts(head, body))).catch_unwind();
    answer.map(move |answer| {
        let response = match answer {
            Ok(answer) => answer?,
            Err(panic) => asked.span().in_scope(|| died(&*panic)),
        };
        if tracing::enabled!(tracing::Level::DEBUG) {
            asked.span().in_scope(|| tracing::debug!(status = response.status().as_u16(), "answered"));
        }
        Ok(response)
    })
}

fn died(panic: &(dyn Any + Send)) -> Response {
    let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = said.unwrap_or("not a text"), "a request died");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "an error of ours; the log tells more").into_response()
}
