//! What each user of `config/nats.conf` may publish and listen to: a table of
//! all of them against all subjects, and the server's word on every row.

use std::collections::BTreeSet;

use crate::harness::Server;
use crate::harness::raw::Raw;
use crate::harness::server::{Variant, WATCHER};

const USERS: &[&str] = &["worker", "client", "operator"];

/// What may be published to, and listened to.
const SUBJECTS: &[&str] = &[
    "fastembed.v1.text.AllMiniLML6V2",
    "fastembed.v1.info.text_AllMiniLML6V2",
    "fastembed.v1",
    "fastembed.v2.text.AllMiniLML6V2",
    "fastembed.ctl.v1.cancel",
    "fastembed.ctl.v1.cancel.x",
    "fastembed.ctl.v1.inst.ID.text.AllMiniLML6V2",
    "fastembed.ctl.v1.admin.load",
    "fastembed.ctl.v1.else",
    "fastembed.ctl.v2.cancel",
    "fastembed",
    "_INBOX.worker.x",
    "_INBOX.client.x",
    "_INBOX.operator.x",
    "_INBOX.x",
    "_INBOXES.client.x",
    "_R_.x",
    "$SRV.PING",
    "$SRV.STATS.fastembed.ID",
    "$JS.API.STREAM.DELETE.X",
    "$JS.API.DIRECT.GET.OBJ_images",
    "$JS.ACK.X",
    "$O.images.C.x",
    "$KV.bucket.key",
    "$SYS.REQ.SERVER.PING",
    "$SYS.REQ.USER.INFO",
    "orders.new",
];

/// What may only be listened to.
const WILDCARDS: &[&str] = &[
    ">",
    "*",
    "*.>",
    "fastembed.>",
    "fastembed.*.text.*",
    "fastembed.v1.>",
    "fastembed.v1.*.*",
    "fastembed.ctl.>",
    "fastembed.ctl.v1.>",
    "fastembed.ctl.v1.inst.ID.>",
    "_INBOX.>",
    "_INBOX.*.x",
    "_INBOX.worker.>",
    "_INBOX.client.>",
    "_INBOX.client.*",
    "_INBOX.operator.>",
    "_R_.>",
    "$SRV.>",
    "$JS.>",
    "$SYS.>",
];

/// Ways to listen: alone, in the workers' group, in another.
const GROUPS: &[&str] = &["", "q", "spies"];

/// What is granted. All other rows are denied.
const GRANTED: &[(&str, &[&str])] = &[
    // Nothing but its own inbox; replies are granted with each request.
    ("worker publish", &["_INBOX.worker.x"]),
    ("worker subscribe", WORKER_HEARS),
    ("worker subscribe q", WORKER_SHARES),
    ("worker subscribe spies", WORKER_HEARS),
    ("client publish", CLIENT_ASKS),
    ("client subscribe", CLIENT_HEARS),
    ("client subscribe q", CLIENT_HEARS),
    ("client subscribe spies", CLIENT_HEARS),
    ("operator publish", CLIENT_ASKS),
    ("operator publish", &["fastembed.ctl.v1.admin.load"]),
    ("operator subscribe", OPERATOR_HEARS),
    ("operator subscribe q", OPERATOR_HEARS),
    ("operator subscribe spies", OPERATOR_HEARS),
];

const WORKER_HEARS: &[&str] = &[
    "fastembed.ctl.v1.cancel",
    "fastembed.ctl.v1.cancel.x",
    "fastembed.ctl.v1.inst.ID.text.AllMiniLML6V2",
    "fastembed.ctl.v1.admin.load",
    "fastembed.ctl.v1.else",
    "fastembed.ctl.v1.>",
    "fastembed.ctl.v1.inst.ID.>",
    "_INBOX.worker.x",
    "_INBOX.worker.>",
    "$SRV.PING",
    "$SRV.STATS.fastembed.ID",
    "$SRV.>",
];

/// Only within the group `q`: beside [`WORKER_HEARS`], all calls.
const WORKER_SHARES: &[&str] = &[
    "fastembed.v1.text.AllMiniLML6V2",
    "fastembed.v1.info.text_AllMiniLML6V2",
    "fastembed.v1.>",
    "fastembed.v1.*.*",
];

const CLIENT_ASKS: &[&str] = &[
    "fastembed.v1.text.AllMiniLML6V2",
    "fastembed.v1.info.text_AllMiniLML6V2",
    "fastembed.ctl.v1.cancel",
    "fastembed.ctl.v1.inst.ID.text.AllMiniLML6V2",
    "$SRV.PING",
    "$SRV.STATS.fastembed.ID",
];

const CLIENT_HEARS: &[&str] = &["_INBOX.client.x", "_INBOX.client.>", "_INBOX.client.*"];

const OPERATOR_HEARS: &[&str] = &["_INBOX.operator.x", "_INBOX.operator.>"];

fn is_granted(row: &str, subject: &str) -> bool {
    let shares = row == "worker subscribe q" && WORKER_HEARS.contains(&subject);
    shares
        || GRANTED
            .iter()
            .any(|(granted, subjects)| *granted == row && subjects.contains(&subject))
}

/// The server's complaints among what it said.
fn complaints(said: &[String]) -> Vec<&String> {
    said.iter()
        .filter(|line| line.starts_with("-ERR"))
        .collect()
}

/// A row's outcome: granted, and then the message came; or denied by name, and
/// then it did not.
fn judge(row: &str, subject: &str, said: &[String], came: bool) -> Option<String> {
    let complaints = complaints(said);
    let named = complaints.iter().any(|line| {
        line.contains("Permissions Violation") && line.contains(&format!("{subject:?}"))
    });
    let holds = match is_granted(row, subject) {
        true => complaints.is_empty() && came,
        false => complaints.len() == 1 && named && !came,
    };
    (!holds).then(|| format!("{row} {subject}: came {came}, {said:?}"))
}

#[tokio::test]
async fn a_user_publishes_where_it_is_granted_and_nowhere_else() {
    let server = Server::with_users(WATCHER).await;
    let mut watcher = Raw::as_user("watcher", &server).await;
    watcher.send("SUB > 1\r\n").await;
    watcher.fence().await;
    let mut wrong = Vec::new();
    for user in USERS {
        let mut raw = Raw::as_user(user, &server).await;
        for subject in SUBJECTS {
            raw.send(format!("PUB {subject} 3\r\nrow\r\n")).await;
            let said = raw.fence().await;
            let seen = watcher.fence().await;
            let came = seen
                .iter()
                .any(|line| line == &format!("MSG {subject} 1 3"));
            wrong.extend(judge(&format!("{user} publish"), subject, &said, came));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn a_user_hears_what_it_is_granted_and_nothing_else() {
    let server = Server::with_users(WATCHER).await;
    let mut watcher = Raw::as_user("watcher", &server).await;
    let mut wrong = Vec::new();
    for user in USERS {
        let mut raw = Raw::as_user(user, &server).await;
        let subjects = SUBJECTS.iter().chain(WILDCARDS);
        let ways = subjects.flat_map(|subject| GROUPS.iter().map(move |group| (subject, group)));
        for (sid, (subject, group)) in ways.enumerate() {
            raw.send(format!("SUB {subject} {group} {sid}\r\n")).await;
            let said = raw.fence().await;
            let heard = subject.replace(['*', '>'], "x");
            watcher.send(format!("PUB {heard} 3\r\nrow\r\n")).await;
            watcher.fence().await;
            raw.send(format!("UNSUB {sid}\r\n")).await;
            let message = format!("MSG {heard} {sid} 3");
            let came = raw.fence().await.contains(&message);
            let row = format!("{user} subscribe {group}");
            wrong.extend(judge(row.trim_end(), subject, &said, came));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_grant_is_a_row_of_the_table() {
    let rows: BTreeSet<&str> = SUBJECTS.iter().chain(WILDCARDS).copied().collect();
    assert_eq!(rows.len(), SUBJECTS.len() + WILDCARDS.len());
    for (row, subjects) in GRANTED {
        assert!(USERS.iter().any(|user| row.starts_with(user)), "{row}");
        for subject in *subjects {
            assert!(rows.contains(subject), "{row} {subject}");
        }
    }
}

#[tokio::test]
async fn a_worker_answers_a_request_with_any_number_of_messages_and_nobody_else() {
    let server = Server::start().await;
    let mut worker = Raw::as_user("worker", &server).await;
    let mut client = Raw::as_user("client", &server).await;
    worker.send("SUB fastembed.v1.text.M q 1\r\n").await;
    worker.fence().await;
    client.send("SUB _INBOX.client.> 1\r\n").await;
    client
        .send("PUB fastembed.v1.text.M _INBOX.client.a 0\r\n\r\n")
        .await;
    client.fence().await;
    assert!(worker.fence().await[0].contains("_INBOX.client.a"));

    worker
        .send("PUB _INBOX.client.a 0\r\n\r\n".repeat(300))
        .await;
    assert_eq!(complaints(&worker.fence().await).len(), 0);
    worker.send("PUB _INBOX.client.b 0\r\n\r\n").await;
    assert_eq!(complaints(&worker.fence().await).len(), 1);
    let heard = client.fence().await;
    let heard = heard.iter().filter(|line| line.starts_with("MSG"));
    assert_eq!(heard.count(), 300);
}

#[tokio::test]
async fn a_worker_that_reads_a_bucket_may_ask_for_its_objects_and_do_nothing_else() {
    let server = Server::variant(Variant {
        bucket: true,
        ..Variant::default()
    })
    .await;
    for user in USERS {
        let mut raw = Raw::as_user(user, &server).await;
        for (subject, is_granted) in [
            ("$JS.API.DIRECT.GET.OBJ_images", *user == "worker"),
            ("$JS.API.DIRECT.GET.OBJ_images.$O.images.M.x", false),
            ("$JS.API.DIRECT.GET.OBJ_others", false),
            ("$JS.API.STREAM.MSG.GET.OBJ_images", false),
            ("$JS.API.STREAM.INFO.OBJ_images", false),
            ("$JS.API.STREAM.PURGE.OBJ_images", false),
            ("$JS.API.CONSUMER.CREATE.OBJ_images", false),
            ("$O.images.C.x", false),
        ] {
            raw.send(format!("PUB {subject} _INBOX.{user}.x 2\r\n{{}}\r\n"))
                .await;
            let said = raw.fence().await;
            let refusals = usize::from(!is_granted);
            assert_eq!(
                complaints(&said).len(),
                refusals,
                "{user} {subject}: {said:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_stranger_is_not_let_in() {
    let server = Server::start().await;
    for options in [
        "",
        r#","user":"client""#,
        r#","user":"client","pass":"worker""#,
        r#","user":"client","pass":"""#,
        r#","user":"admin","pass":"admin""#,
        r#","auth_token":"client""#,
    ] {
        let said = Raw::open(options, &server).await.fence().await;
        assert_eq!(
            said,
            ["-ERR 'Authorization Violation'", "closed"],
            "{options}"
        );
    }
}
