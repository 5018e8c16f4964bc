//! The NATS protocol by hand: what the server says word for word, and what no
//! client library would send.
//! docs.nats.io/reference/reference-protocols/nats-protocol

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::server::Server;
use super::within;

/// A connection.
pub(crate) struct Raw(BufReader<TcpStream>);

impl Raw {
    /// Connects as a user whose password is its name.
    pub(crate) async fn as_user(user: &str, server: &Server) -> Self {
        let secrets = format!(r#","user":"{user}","pass":"{user}""#);
        let mut raw = Self::open(&secrets, server).await;
        let said = raw.fence().await;
        assert!(said.is_empty(), "{user}: {said:?}");
        raw
    }

    /// Connects with these further options, such as `,"user":"u","pass":"p"`.
    pub(crate) async fn open(options: &str, server: &Server) -> Self {
        let address = server.url().replace("nats://", "");
        let stream = within("a connection", TcpStream::connect(address)).await;
        let mut raw = Self(BufReader::new(stream.expect("the server listens")));
        let info = raw.line().await.unwrap_or_default();
        assert!(info.starts_with("INFO "), "{info}");
        let connect =
            format!(r#"CONNECT {{"verbose":false,"headers":true,"no_responders":true{options}}}"#);
        raw.send(format!("{connect}\r\n")).await;
        raw
    }

    /// Sends these very bytes. Whether they arrive shows in what is read next.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.get_mut().write_all(bytes.as_ref()).await;
    }

    /// Everything that the server says until it has done all that was asked
    /// before: line by line, a message's body being a line of its own. Without
    /// an end in `PONG` it closed the connection.
    pub(crate) async fn fence(&mut self) -> Vec<String> {
        self.send("PING\r\n").await;
        let mut said = Vec::new();
        while let Some(line) = self.line().await {
            match line.as_str() {
                "PONG" => return said,
                "PING" => self.send("PONG\r\n").await,
                _ => said.push(line),
            }
        }
        said.push("closed".to_owned());
        said
    }

    /// Waits for a line that starts with `text`.
    pub(crate) async fn line_with(&mut self, text: &str) -> String {
        loop {
            match self.line().await {
                Some(line) if line.starts_with(text) => return line,
                Some(line) if line == "PING" => self.send("PONG\r\n").await,
                Some(_) => {}
                None => panic!("the connection was closed before {text:?}"),
            }
        }
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        let read = within("a line", self.0.read_until(b'\n', &mut line)).await;
        let line = String::from_utf8_lossy(&line);
        matches!(read, Ok(1..)).then(|| line.trim_end().to_owned())
    }
}
