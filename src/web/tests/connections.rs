use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

use super::*;

/// What a connection answers to these bytes before it closes, or before `halt`.
async fn say(bytes: &str) -> String {
    let service = TestService::new();
    say_to(router(service.app.clone(), ServerConfig { auth: Auth::Off, max_concurrent: 10 }), bytes).await
}

async fn say_to(router: Router, bytes: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let halt = CancellationToken::new();
    let serving = tokio::spawn(crate::web::connections::serve(listener, router, halt.clone()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    halt.cancel();
    serving.await.unwrap().unwrap();
    answer
}

#[tokio::test]
async fn a_header_that_cannot_be_read_refuses_no_event() {
    let body = "{}";
    let request = format!(
        "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\nlogging.googleapis.com/timestamp: now\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    assert!(say(&request).await.starts_with("HTTP/1.1 204"));
}

#[tokio::test(start_paused = true)]
async fn who_never_ends_his_headers_is_hung_up_on() {
    let begun = tokio::time::Instant::now();
    assert_eq!(say("POST / HTTP/1.1\r\nhost: x\r\n").await, "");
    assert!((9..12).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_request_that_dies_is_answered() {
    async fn dies() {
        panic!("it broke")
    }
    let router = Router::new().route("/", get(dies));
    let answer = say_to(router, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 500") && answer.contains("the log tells more"), "{answer}");
}
