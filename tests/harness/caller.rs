//! A client of the bus.

use async_nats::{Client, ConnectOptions, Subscriber};
use futures_util::StreamExt as _;

use super::ask::Ask;
use super::reply::Reply;
use super::server::Server;
use super::within;

/// A connection as one of the users of `config/nats.conf`.
pub(crate) struct Caller {
    pub(crate) client: Client,
}

/// The way back to one request, message by message.
pub(crate) struct Replies(Subscriber);

impl Caller {
    /// Connects as user `client`.
    pub(crate) async fn connect(server: &Server) -> Self {
        Self::as_user("client", &server.url()).await
    }

    /// Connects as `user`, whose password is its name.
    pub(crate) async fn as_user(user: &str, url: &str) -> Self {
        let options = ConnectOptions::with_user_and_password(user.to_owned(), user.to_owned())
            .custom_inbox_prefix(format!("_INBOX.{user}"));
        let client = within("a connection", options.connect(url)).await;
        Self {
            client: client.unwrap_or_else(|fault| panic!("connect as {user}: {fault}")),
        }
    }

    /// Sends a request; its replies are read later.
    pub(crate) async fn send(&self, ask: Ask) -> Replies {
        let inbox = self.client.new_inbox();
        let replies = self.client.subscribe(inbox.clone()).await;
        let replies = replies.expect("an open connection");
        self.publish(ask, &inbox).await;
        Replies(replies)
    }

    /// Sends a request that names `reply` as the subject to answer on.
    pub(crate) async fn publish(&self, ask: Ask, reply: &str) {
        let Ask {
            subject,
            headers,
            body,
        } = ask;
        let reply = reply.to_owned();
        let sent = if headers.is_empty() {
            self.client.publish_with_reply(subject, reply, body).await
        } else {
            let client = &self.client;
            client
                .publish_with_reply_and_headers(subject, reply, headers, body)
                .await
        };
        sent.expect("a request that fits and an open connection");
    }

    /// The one reply to a request.
    pub(crate) async fn call(&self, ask: Ask) -> Reply {
        self.send(ask).await.next().await
    }

    /// Whether nobody takes calls of this model.
    pub(crate) async fn finds_nobody(&self, model: &str) -> bool {
        self.call(Ask::texts(model, &["a"]))
            .await
            .is_no_responders()
    }

    /// All parts of a reply, without the terminator.
    pub(crate) async fn call_in_parts(&self, ask: Ask) -> Vec<Reply> {
        self.send(ask.in_parts()).await.until_the_end().await
    }

    /// What user `watcher` sees of a subject from now on.
    pub(crate) async fn watch(&self, subject: &str) -> Replies {
        let seen = self.client.subscribe(subject.to_owned()).await;
        let seen = seen.expect("an open connection");
        self.round_trip().await;
        Replies(seen)
    }

    /// Returns when the server has read everything sent before: it says itself
    /// that nobody listens there. The library's `flush` ends when bytes have
    /// left, and says nothing of the server.
    pub(crate) async fn round_trip(&self) {
        let nobody = self.client.request("$SRV.PING.nobody", "".into());
        let nobody = within("a round trip", nobody).await;
        assert!(nobody.is_err(), "somebody listens where nobody should");
    }
}

impl Replies {
    /// The next message.
    pub(crate) async fn next(&mut self) -> Reply {
        let message = within("a reply", self.0.next()).await;
        Reply::from(message.expect("an open subscription"))
    }

    /// Everything up to the terminator, which must be empty in every way.
    pub(crate) async fn until_the_end(&mut self) -> Vec<Reply> {
        let mut parts = Vec::new();
        loop {
            let part = self.next().await;
            if part.body.is_empty() && part.headers.is_empty() {
                return parts;
            }
            parts.push(part);
        }
    }

    /// Whether nothing has come so far.
    pub(crate) fn is_silent(&mut self) -> bool {
        use futures_util::FutureExt as _;
        self.0.next().now_or_never().is_none()
    }
}
