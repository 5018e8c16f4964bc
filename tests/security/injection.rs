//! Reply subjects that would do harm, seen by somebody who sees everything: the
//! worker publishes nothing to them, and counts each request.

use crate::harness::raw::Raw;
use crate::harness::server::{Variant, WATCHER};
use crate::harness::{FAKE, Server, Worker, eventually};

const REFUSED: &str = "fastembed_refused_replies_total";

const REPLIES: &[&str] = &[
    "$JS.API.STREAM.DELETE.X",
    "$JS.API.STREAM.PURGE.X",
    "$KV.bucket.key",
    "$SYS.REQ.SERVER.PING",
    "$SYS.REQ.ACCOUNT.PING.CONNZ",
    "$SRV.PING",
    "fastembed.v1.text.Fake",
    "fastembed.v1.info.text_Fake",
    "fastembed.ctl.v1.cancel",
    "fastembed.ctl.v1.admin.load",
    "orders.new",
    "_INBOX",
    "_INBOXES.a",
    "_INBOX.*",
    "_INBOX.>",
    "_INBOX.client.*",
    "_INBOX.*.a",
    "*",
    ">",
    "*.client.a",
    "_INBOX.",
    "_INBOX..x",
    "_INBOX.client..x",
    "_INBOX.client.x.",
    "._INBOX.client.x",
    ".",
    "_INBOX.client.a\0b",
    "_INBOX.client.a\u{7f}b",
];

#[tokio::test]
async fn nothing_is_published_to_a_reply_subject_that_is_no_inbox() {
    // A line of the protocol may be longer than usual, so that long ones arrive.
    let server = Server::variant(Variant {
        users: WATCHER,
        settings: "max_control_line: 64KB",
        ..Variant::default()
    })
    .await;
    let worker = Worker::start(&server, FAKE).await;
    let mut watcher = Raw::as_user("watcher", &server).await;
    watcher.send("SUB > 1\r\n").await;
    watcher.fence().await;
    let mut client = Raw::as_user("client", &server).await;
    client.send("SUB _INBOX.client.> 1\r\n").await;

    let ten_kilobytes = "x".repeat(10 << 10);
    let long = [
        format!("_INBOX.client.{ten_kilobytes}"),
        format!("_INBOX.client{}", ".x".repeat(5 << 10)),
        ten_kilobytes,
    ];
    let replies = REPLIES.iter().copied();
    let replies: Vec<&str> = replies.chain(long.iter().map(String::as_str)).collect();
    let targeted = format!("fastembed.ctl.v1.inst.{}.text", worker.instance);
    let mut sent = 0;
    for reply in &replies {
        for (subject, body) in [
            ("fastembed.v1.text.Fake", r#"{"inputs":["a"]}"#),
            ("fastembed.v1.text.Fake", "{"),
            ("fastembed.v1.info.text_Fake", ""),
            ("$SRV.PING.fastembed", ""),
            ("$SRV.STATS", ""),
            (&format!("{targeted}.Fake"), r#"{"inputs":["a"]}"#),
            (&format!("{targeted}.Other"), ""),
        ] {
            let size = body.len();
            client
                .send(format!("PUB {subject} {reply} {size}\r\n{body}\r\n"))
                .await;
            let accept = "NATS/1.0\r\nFastembed-Accept: parts, alive\r\n\r\n";
            let (head, all) = (accept.len(), accept.len() + size);
            client
                .send(format!(
                    "HPUB {subject} {reply} {head} {all}\r\n{accept}{body}\r\n"
                ))
                .await;
            sent += 2;
        }
    }
    assert_eq!(client.fence().await, [""; 0]);
    eventually("every refused reply", || async {
        worker.metric(REFUSED).await >= f64::from(sent)
    })
    .await;

    let good = r#"{"inputs":["a"]}"#;
    client
        .send(format!(
            "PUB fastembed.v1.text.Fake _INBOX.client.good 16\r\n{good}\r\n"
        ))
        .await;
    client.line_with("HMSG _INBOX.client.good").await;
    assert_eq!(worker.metric(REFUSED).await, f64::from(sent));
    let seen = watcher.fence().await;
    let messages = |kind: &str| seen.iter().filter(|line| line.starts_with(kind)).count();
    // The requests themselves and the good one; then its answer, the only one.
    let (plain, answered) = (messages("MSG "), messages("HMSG "));
    assert_eq!(plain + answered, sent as usize + 2, "{plain} {answered}");
    let by_worker = seen
        .iter()
        .filter(|line| line.contains("Fastembed-Instance"));
    assert_eq!(by_worker.count(), 1);
}

#[tokio::test]
async fn a_reply_subject_of_the_servers_own_does_not_leave_it() {
    let (server, worker) = Worker::with_server(FAKE).await;
    let mut client = Raw::as_user("client", &server).await;
    for reply in ["$JS.ACK.X.Y.1.1.1.1.0", "_R_.x.y", "_GR_.x.y.z"] {
        client
            .send(format!("PUB fastembed.v1.text.Fake {reply} 0\r\n\r\n"))
            .await;
        let said = client.fence().await.concat();
        assert!(said.contains("Publish with Reply of"), "{reply}: {said}");
    }
    assert_eq!(worker.metric(REFUSED).await, 0.0);
}

#[tokio::test]
async fn a_reply_subject_that_breaks_the_protocol_does_not_leave_the_server() {
    let (server, worker) = Worker::with_server(FAKE).await;
    for reply in [
        "_INBOX.client.a b",
        "_INBOX.client.a\tb",
        "_INBOX.client.a\nb",
    ] {
        let mut client = Raw::as_user("client", &server).await;
        client
            .send(format!("PUB fastembed.v1.text.Fake {reply} 0\r\n\r\n"))
            .await;
        let said = client.fence().await.concat();
        assert!(said.ends_with("closed"), "{reply:?}: {said}");
    }
    assert_eq!(worker.metric(REFUSED).await, 0.0);
}
