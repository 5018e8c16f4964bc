//! Messages that the server passes on and no client library would send.

use std::time::Duration;

use async_nats::Request;

use crate::harness::raw::Raw;
use crate::harness::{Ask, Caller, FAKE, Reply, Server, Worker, eventually};

/// A block of headers with the subject of the reply before it.
struct Hostile {
    reply: &'static [u8],
    head: &'static [u8],
}

/// Sends it to whichever worker the server chooses.
async fn send(server: &Server, hostile: Hostile) {
    let mut raw = Raw::as_user("client", server).await;
    raw.send(message(hostile)).await;
    assert!(raw.fence().await.is_empty());
}

fn message(Hostile { reply, head }: Hostile) -> Vec<u8> {
    let head = [b"NATS/1.0", head, b"\r\n\r\n"].concat();
    let size = head.len();
    let sizes = format!(" {size} {size}\r\n");
    let line = [b"HPUB fastembed.v1.text.Fake ", reply, sizes.as_bytes()];
    [&line.concat(), &head[..], b"\r\n"].concat()
}

/// Asks once, in the time that an answer takes: what was on its way when the
/// connection broke is lost, and asked for again, as the Go client does.
async fn answers(caller: &Caller) -> bool {
    let asked = Request::new()
        .payload(Ask::texts("Fake", &["a"]).body)
        .timeout(Some(Duration::from_millis(500)));
    let reply = caller.client.send_request("fastembed.v1.text.Fake", asked);
    let reply = reply.await;
    reply.is_ok_and(|reply| Reply::from(reply).vectors().tokens.len() == 1)
}

const INBOX: &[u8] = b"_INBOX.client.x";

#[tokio::test]
async fn a_message_that_cannot_be_read_costs_a_worker_no_more_than_its_connection() {
    let (server, worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    for (reply, head) in [
        (INBOX, &b"\r\nName: \xff\xfe"[..]),
        (INBOX, b"\r\nno colon"),
        (INBOX, b"\r\nna me: x"),
        (INBOX, b"\r\n: x"),
        (INBOX, b" 9999999 status"),
        (b"_INBOX.client.\xff", b""),
        (b"_INBOX.client.a\x0bb", b""),
        (b"_INBOX.client.a\x0cb", b""),
        (b"_INBOX.client.a\xc2\x85b", b""),
    ] {
        send(&server, Hostile { reply, head }).await;
        eventually("an answer", || answers(&caller)).await;
    }
    eventually("readiness", || async {
        worker.get("/readyz").await.0 == 200
    })
    .await;
    worker.stop().await;
}

#[tokio::test]
async fn a_worker_whose_connection_ends_for_good_makes_another() {
    let (server, worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    for times in 1..=3 {
        let (reply, head) = (INBOX, &b"\r\nName: a\rb"[..]);
        send(&server, Hostile { reply, head }).await;
        eventually("another connection", || async {
            let lines = worker.lines();
            let connected = lines.iter().filter(|line| line.contains(r#""connected""#));
            connected.count() > times
        })
        .await;
        eventually("an answer", || answers(&caller)).await;
        assert_eq!(worker.get("/readyz").await.0, 200);
    }
    let exit = worker.stop().await;
    let count = |text: &str| exit.lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!(
        count("gave up the connection; making another"),
        3,
        "{exit:?}"
    );
    assert_eq!(count("model loaded"), 1, "{exit:?}");
}
