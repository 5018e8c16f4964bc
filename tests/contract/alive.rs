//! Signs of life between a slow request and its reply.

use fastembed_worker::wire::protocol::{HEADER_ACCEPT, HEADER_PART};

use crate::harness::{Ask, Caller, Worker};

const SLOW: &str = "[runtime]\nexecutors = 1\n\
    [[models]]\nname = 'Fake'\nkind = 'fake'\ndelay_ms = 2500\n";

#[tokio::test]
async fn a_caller_who_accepts_it_hears_each_second_that_the_worker_lives() {
    let (server, worker) = Worker::with_server(SLOW).await;
    let caller = Caller::connect(&server).await;
    let ask = Ask::texts("Fake", &["a"]).header(HEADER_ACCEPT, "alive, parts");
    let mut replies = caller.send(ask).await.until_the_end().await;
    let reply = replies.pop().expect("a reply before the terminator");
    assert_eq!(reply.vectors().tokens.len(), 1);
    assert_eq!(replies.len(), 2, "signs of life in 2.5 seconds");
    for sign in replies {
        let value = sign.value();
        assert_eq!(value["alive"], true);
        assert_eq!(value["instance"], worker.instance.as_str());
        assert_eq!(sign.header(HEADER_PART), None);
    }
}

#[tokio::test]
async fn a_caller_who_does_not_accept_it_gets_the_reply_alone() {
    let (server, _worker) = Worker::with_server(SLOW).await;
    let caller = Caller::connect(&server).await;
    let mut replies = caller.send(Ask::texts("Fake", &["a"])).await;
    replies.next().await.vectors();
    caller.call(Ask::info("Fake")).await;
    assert!(replies.is_silent());
}
