//! Who knocks: HTTP/1.1 with requests written beforehand, light enough that the server is what is measured.

use std::{io, net::SocketAddr};

use futures_util::future::{join, try_join_all};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// One keep-alive connection.
struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(1024) })
    }

    /// # Errors
    /// Any answer but 204.
    async fn deliver(&mut self, request: &[u8]) -> io::Result<()> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        // A 204 has no body.
        while !self.answer.ends_with(b"\r\n\r\n") {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(self.wrong("the connection ended"));
            }
            if !b"HTTP/1.1 204 ".starts_with(&self.answer[..self.answer.len().min(13)]) {
                return Err(self.wrong("not a 204"));
            }
        }
        Ok(())
    }

    fn wrong(&self, what: &str) -> io::Error {
        io::Error::other(format!("{what}: {:?}", String::from_utf8_lossy(&self.answer)))
    }
}

/// Delivers the same event over and over, on some connections at once.
pub async fn drive(address: SocketAddr, request: &[u8], connections: usize, events: usize) -> io::Result<()> {
    let each = events / connections;
    try_join_all((0..connections).map(|_| async {
        let mut connection = Connection::open(address).await?;
        for _ in 0..each {
            connection.deliver(request).await?;
        }
        Ok(())
    }))
    .await
    .map(drop)
}

/// Connections that each deliver one event at the same time.
pub struct Crowd(Vec<Connection>);

impl Crowd {
    pub async fn gather(address: SocketAddr, size: usize) -> io::Result<Self> {
        try_join_all((0..size).map(|_| Connection::open(address))).await.map(Self)
    }

    /// `meanwhile` runs beside the deliveries.
    pub async fn ask(&mut self, request: &[u8], meanwhile: impl AsyncFnOnce() -> io::Result<()>) -> io::Result<()> {
        let deliveries = try_join_all(self.0.iter_mut().map(|connection| connection.deliver(request)));
        let (answered, done) = join(deliveries, meanwhile()).await;
        answered?;
        done
    }
}
