//! Images that lie in the bus's object store.

use std::io::Cursor;

use fastembed_worker::models::image::SMALLEST;
use fastembed_worker::wire::protocol;
use image::{ImageFormat, RgbImage};
use serde_json::{Value, json};

use crate::bucket::{BUCKET, Bucket};
use crate::generated::{Stage, reference, rows};
use crate::harness::server::{Variant, WATCHER};
use crate::harness::{Ask, Server};
use crate::made::Made;

const MODEL: &str = "UnicomVitB32";

const READS: &str = "[objects]\nbuckets = ['images']";

async fn server() -> Server {
    Server::variant(Variant {
        users: WATCHER,
        bucket: true,
        ..Variant::default()
    })
    .await
}

async fn stage(server: Server, settings: &str) -> Stage {
    Stage::on(server, &["image/UnicomVitB32"], settings).await
}

fn ask(objects: &[(&str, &str)]) -> Ask {
    let objects = objects.iter();
    let objects = objects.map(|(bucket, name)| json!({ "bucket": bucket, "name": name }));
    let request = json!({ "objects": objects.collect::<Vec<_>>() });
    Ask::on(format!("fastembed.v1.image.{MODEL}")).json(&request)
}

/// A picture as a file that no message holds, and as one that a message does.
fn large_and_small() -> (Vec<u8>, Vec<u8>) {
    let picture = RgbImage::from_fn(1200, 700, |x, y| {
        image::Rgb([(x / 8) as u8, (y / 4) as u8, ((x + y) / 16) as u8])
    });
    let write = |format| {
        let mut file = Cursor::new(Vec::new());
        picture.write_to(&mut file, format).unwrap();
        file.into_inner()
    };
    (write(ImageFormat::Bmp), write(ImageFormat::Png))
}

#[tokio::test]
async fn objects_give_the_vectors_of_their_files_also_beyond_a_message() {
    let _turn = Made::take();
    let stage = stage(server().await, READS).await;
    let bucket = Bucket::create(&stage.server, BUCKET).await;
    let (large, small) = large_and_small();
    assert!(large.len() > 2 << 20 && small.len() < 1 << 20);
    let (other, _) = reference(MODEL).swap_remove(2);
    bucket.put("large one", &large).await;
    bucket.put("other", &other).await;
    let expected = rows(&stage.vectors(MODEL, &[small, other]).await);
    let asked = [
        (BUCKET, "large one"),
        (BUCKET, "other"),
        (BUCKET, "large one"),
    ];
    let got = rows(&stage.caller.call(ask(&asked)).await.value());
    assert_eq!(got[0], expected[0]);
    assert_eq!(got[1], expected[1]);
    assert_eq!(got[2], expected[0]);
}

#[tokio::test]
async fn an_object_that_cannot_be_read_costs_its_own_row_alone() {
    let _turn = Made::take();
    let stage = stage(server().await, READS).await;
    let bucket = Bucket::create(&stage.server, BUCKET).await;
    let secret = Bucket::create(&stage.server, "secret").await;
    let (large, _) = large_and_small();
    bucket.put("good", SMALLEST).await;
    secret.put("picture", SMALLEST).await;
    bucket.put("text", b"no picture").await;
    let with = |name: &str, file: &[u8], key: &str, value: Value| {
        let mut info = Bucket::info(name, file);
        info[key] = value;
        info
    };
    let mut touched = large.clone();
    touched[1_000_000] ^= 1;
    let link = json!({ "link": { "bucket": "secret", "name": "picture" } });
    for (name, file, info) in [
        ("touched", &touched[..], Bucket::info("touched", &large)),
        ("cut", &large[..1 << 20], Bucket::info("cut", &large)),
        (
            "longer",
            &large,
            with("longer", &large, "size", json!((1 << 20) - 1)),
        ),
        ("gone", &[], Bucket::info("gone", &large)),
        ("deleted", &[], with("deleted", &[], "deleted", true.into())),
        ("link", &[], with("link", &[], "options", link)),
        (
            "huge",
            SMALLEST,
            with("huge", SMALLEST, "size", json!((16 << 20) + 1)),
        ),
        (
            "vast",
            SMALLEST,
            with("vast", SMALLEST, "size", json!(u64::MAX)),
        ),
        (
            "unsummed",
            SMALLEST,
            with("unsummed", SMALLEST, "digest", "".into()),
        ),
        ("all", SMALLEST, with("all", SMALLEST, "nuid", "abc".into())),
    ] {
        bucket.put_as(name, file, &info).await;
    }
    let mut everything = with("wild", SMALLEST, "nuid", ">".into());
    everything["size"] = json!(SMALLEST.len());
    bucket.put_info("wild", &everything).await;
    let expected = rows(&stage.vectors(MODEL, &[SMALLEST.to_vec()]).await).remove(0);
    for (bucket, name, code, says) in [
        (BUCKET, "missing", 400, "no object"),
        (BUCKET, "", 400, "1 to 1024 bytes"),
        (BUCKET, "deleted", 400, "no object"),
        (BUCKET, "link", 400, "link"),
        (BUCKET, "text", 400, "image"),
        ("secret", "picture", 400, "objects.buckets"),
        ("*", "picture", 400, "objects.buckets"),
        ("images.C.x", "picture", 400, "objects.buckets"),
        (BUCKET, "huge", 413, "16777217 bytes"),
        (BUCKET, "vast", 413, "bytes"),
        (BUCKET, "touched", 500, "not those"),
        (BUCKET, "cut", 500, "not those"),
        (BUCKET, "longer", 500, "not those"),
        (BUCKET, "gone", 500, "not those"),
        (BUCKET, "unsummed", 500, "SHA-256"),
        (BUCKET, "wild", 500, "id"),
    ] {
        let asked = ask(&[(BUCKET, "good"), (bucket, name), (BUCKET, "all")]);
        let reply = stage.caller.call(asked).await;
        assert!(!reply.is_refusal(), "{name}: {reply}");
        let reply = reply.value();
        let rows = rows(&reply);
        assert!(rows[0] == expected && rows[2] == expected, "{name}");
        assert!(rows[1].iter().all(|value| *value == 0.0), "{name}");
        let errors = reply["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{name}: {reply}");
        assert_eq!(errors[0]["index"], 1, "{name}");
        assert_eq!(errors[0]["code"], code, "{name}: {reply}");
        let message = errors[0]["message"].as_str().unwrap();
        assert!(message.contains(says), "{name}: {message}");
        // Alone it is the whole answer.
        assert!(stage.caller.call(ask(&[(bucket, name)])).await.is_refusal());
    }
}

#[tokio::test]
async fn a_worker_without_buckets_refuses_objects_and_one_with_them_says_so() {
    let _turn = Made::take();
    for (settings, reads) in [("", false), (READS, true)] {
        let stage = stage(server().await, settings).await;
        let info = Ask::on(format!("fastembed.v1.info.image_{MODEL}"));
        let info = stage.caller.call(info).await.value();
        let features = info["features"].as_array().unwrap();
        assert_eq!(features.contains(&json!(protocol::FEATURE_OBJECTS)), reads);
        // There is no bucket yet, as where there is no JetStream at all.
        let (code, says) = match reads {
            true => ("internal", "no such bucket"),
            false => ("invalid_request", "objects.buckets"),
        };
        let refused = stage
            .caller
            .call(ask(&[(BUCKET, "one")]))
            .await
            .refused(code);
        let message = refused["message"].as_str().unwrap();
        assert!(message.contains(says), "{message}");
        let wrong = json!({ "objects": [{ "bucket": BUCKET, "name": "n" }], "dimensions": 513 });
        let wrong = Ask::on(format!("fastembed.v1.image.{MODEL}")).json(&wrong);
        let refused = stage.caller.call(wrong).await.refused("invalid_request");
        assert!(
            refused["message"].as_str().unwrap().contains("512"),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn what_waits_for_a_silent_bucket_ends_with_its_deadline_or_its_cancel() {
    let _turn = Made::take();
    // Without the right to ask the bucket, nothing comes back.
    let stage = stage(Server::start().await, READS).await;
    let asked = ask(&[(BUCKET, "one")]).timeout_ms(200);
    let late = stage.caller.call(asked).await;
    late.refused("deadline_exceeded");
    let expired = "fastembed_expired_requests_total";
    assert_eq!(stage.worker.metric(expired).await, 1.0);
    let said = stage
        .worker
        .line_with("the right to read a bucket is missing");
    assert!(said.await.contains("WARN"));

    let id = "ab".repeat(16);
    let asked = ask(&[(BUCKET, "one")]).header(protocol::HEADER_ATTEMPT_ID, &id);
    let mut replies = stage.caller.send(asked).await;
    stage.vectors(MODEL, &[SMALLEST.to_vec()]).await;
    assert!(replies.is_silent());
    let cancel = Ask::on(protocol::CANCEL_SUBJECT).msgpack(&json!({ "attempts": [id] }));
    let client = &stage.caller.client;
    let told = client.publish_with_headers(cancel.subject, cancel.headers, cancel.body);
    told.await.unwrap();
    replies.next().await.refused("cancelled");
    assert_eq!(stage.worker.metric(expired).await, 2.0);
    // It says so by itself too, and all else goes on.
    let silent = stage.caller.call(ask(&[(BUCKET, "one")])).await;
    let refused = silent.refused("internal");
    assert!(
        refused["message"]
            .as_str()
            .unwrap()
            .contains("the right to ask it")
    );
    // That was answered, not given up.
    assert_eq!(stage.worker.metric(expired).await, 2.0);
    assert_eq!(stage.worker.get("/readyz").await.0, 200);
    stage.vectors(MODEL, &[SMALLEST.to_vec()]).await;
}

#[tokio::test]
async fn a_silent_bucket_keeps_no_more_than_a_quarter_of_the_queue_from_other_images() {
    let _turn = Made::take();
    let settings = format!("[queue]\nmax_requests = 4\n{READS}");
    let stage = stage(Server::start().await, &settings).await;
    // Without the right to ask the bucket, nothing comes back.
    let silent = || ask(&[(BUCKET, "one")]);
    let mut first = stage.caller.send(silent()).await;
    for _ in 0..3 {
        let refused = stage.caller.call(silent()).await.refused("overloaded");
        assert_eq!(refused["retry_after_ms"], 1000);
    }
    stage.vectors(MODEL, &[SMALLEST.to_vec()]).await;
    first.next().await.refused("internal");
    // What was waited for in vain leaves its place.
    let late = stage.caller.call(silent().timeout_ms(200)).await;
    late.refused("deadline_exceeded");
}
