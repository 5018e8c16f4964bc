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
async fn send(server: &Server, Hostile { reply, head }: Hostile) {
    let mut raw = Raw::as_user("client", server).await;
    let head = [b"NATS/1.0", head, b"\r\n\r\n"].concat();
    let size = head.len();
    let sizes = format!(" {size} {size}\r\n");
    let line = [b"HPUB fastembed.v1.text.Fake ", reply, sizes.as_bytes()];
    raw.send([&line.concat(), &head[..], b"\r\n"].concat())
        .await;
    assert!(raw.fence().await.is_empty());
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
        // What was on its way when the connection broke is lost, so it is asked
        // for again, as the Go client does.
        eventually("an answer", || async {
            let asked = Request::new()
                .payload(Ask::texts("Fake", &["a"]).body)
                .timeout(Some(Duration::from_millis(500)));
            let asked = caller.client.send_request("fastembed.v1.text.Fake", asked);
            asked
                .await
                .is_ok_and(|reply| Reply::from(reply).vectors().tokens.len() == 1)
        })
        .await;
    }
    eventually("readiness", || async {
        worker.get("/readyz").await.0 == 200
    })
    .await;
    worker.stop().await;
}

#[tokio::test]
async fn a_worker_whose_connection_ends_for_good_says_so_and_ends() {
    let (server, mut worker) = Worker::with_server(FAKE).await;
    send(
        &server,
        Hostile {
            reply: INBOX,
            head: b"\r\nName: a\rb",
        },
    )
    .await;
    let exit = worker.exit().await;
    let last = exit.lines.last().map(String::as_str);
    assert_eq!(exit.code, Some(1), "{exit:?}");
    let complaint =
        "fastembed-worker: the connection to the bus ended for good; start the worker again";
    assert_eq!(last, Some(complaint), "{exit:?}");
}
