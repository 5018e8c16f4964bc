//! The shared vectors of `schemas/vectors`: the same bytes that the Go client
//! reads.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fastembed_worker::wire::admin::{AdminReply, AdminRequest};
use fastembed_worker::wire::alive::AliveFrame;
use fastembed_worker::wire::cancel::CancelRequest;
use fastembed_worker::wire::image::ImageRequest;
use fastembed_worker::wire::info::{InfoReply, InfoRequest};
use fastembed_worker::wire::joint::JointRequest;
use fastembed_worker::wire::rerank::RerankRequest;
use fastembed_worker::wire::sparse::SparseRequest;
use fastembed_worker::wire::text::{TextReply, TextRequest};
use fastembed_worker::wire::{Error, ErrorCode, ErrorReply, Format};
use rmpv::Value as Packed;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::harness::{read_json, root};

/// Decodes and encodes again.
type RoundTrip = fn(Format, &[u8]) -> Result<Vec<u8>, Error>;

fn round_trip<T: DeserializeOwned + Serialize>(
    from: Format,
    bytes: &[u8],
) -> Result<Vec<u8>, Error> {
    if bytes.is_empty() && std::any::type_name::<T>().ends_with("InfoRequest") {
        // No document at all is an info request, and the endpoint reads none.
        return Format::MsgPack.encode(&InfoRequest {});
    }
    from.decode::<T>(bytes)
        .and_then(|document| Format::MsgPack.encode(&document))
}

fn reader(document: &str) -> RoundTrip {
    match document {
        "text-request" => round_trip::<TextRequest>,
        "text-reply" => round_trip::<TextReply<'static>>,
        "info-request" => round_trip::<InfoRequest>,
        "info-reply" => round_trip::<InfoReply>,
        "error-reply" => round_trip::<ErrorReply>,
        "alive-frame" => round_trip::<AliveFrame>,
        "cancel-request" => round_trip::<CancelRequest>,
        "admin-request" => round_trip::<AdminRequest>,
        "admin-reply" => round_trip::<AdminReply>,
        "sparse-request" => round_trip::<SparseRequest>,
        "image-request" => round_trip::<ImageRequest>,
        "rerank-request" => round_trip::<RerankRequest>,
        "joint-request" => round_trip::<JointRequest>,
        other => panic!("no reader for {other}"),
    }
}

/// The worker writes these and reads them nowhere; the Go client reads them.
const WRITTEN_ALONE: [&str; 4] = ["sparse-reply", "image-reply", "rerank-reply", "joint-reply"];

fn vectors(kind: &str) -> Vec<Value> {
    let manifest = read_json("schemas/vectors/manifest.json");
    let mut rows = manifest[kind].as_array().cloned().unwrap_or_default();
    rows.retain(|row| !WRITTEN_ALONE.contains(&text(row, "document")));
    assert!(rows.len() > 50, "{} {kind} vectors", rows.len());
    rows
}

fn text<'v>(row: &'v Value, key: &str) -> &'v str {
    row[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key} in {row}"))
}

fn bytes(file: &str) -> Vec<u8> {
    let path: PathBuf = root().join("schemas/vectors").join(file);
    std::fs::read(&path).unwrap_or_else(|fault| panic!("{file}: {fault}"))
}

#[test]
fn every_valid_vector_is_read_and_written_again_in_canonical_form() {
    for row in vectors("valid") {
        let (file, read) = (text(&row, "file"), reader(text(&row, "document")));
        let written = read(Format::MsgPack, &bytes(file));
        let written = written.unwrap_or_else(|fault| panic!("{file}: {fault}"));
        let canonical = row["reencodes_to"].as_str().unwrap_or(file);
        let expected = bytes(canonical);
        if written == expected {
            continue;
        }
        // The worker holds `meta` by value: its numbers may come back in
        // another width, and nothing else may differ.
        assert!(file.contains("meta"), "{file} is written as other bytes");
        assert!(
            same_packed(&unpacked(&written), &unpacked(&expected)),
            "{file} is written as other values"
        );
    }
}

#[test]
fn every_valid_vector_means_what_its_json_twin_says() {
    for row in vectors("valid") {
        let (file, read) = (text(&row, "file"), reader(text(&row, "document")));
        let written = read(Format::MsgPack, &bytes(file));
        let written = written.unwrap_or_else(|fault| panic!("{file}: {fault}"));
        let twin = read_json(&format!("schemas/vectors/{}", text(&row, "json")));
        assert!(same(&unpacked(&written), &twin), "{file} is not {twin}");
    }
}

#[test]
fn every_json_twin_of_a_request_is_read_as_json() {
    for row in vectors("valid") {
        let (file, document) = (text(&row, "json"), text(&row, "document"));
        // The worker reads requests alone in JSON.
        if !document.ends_with("-request") {
            continue;
        }
        let read = reader(document);
        let twin = bytes(file);
        let written = read(Format::Json, &twin);
        let written = written.unwrap_or_else(|fault| panic!("{file}: {fault}"));
        let twin: Value = serde_json::from_slice(&twin).expect("a JSON file");
        assert!(
            same(&unpacked(&written), &twin),
            "{file} is read as another value"
        );
    }
}

#[test]
fn every_rejecting_vector_is_refused_as_invalid() {
    for row in vectors("rejecting") {
        let (file, read) = (text(&row, "file"), reader(text(&row, "document")));
        let refused = read(Format::MsgPack, &bytes(file)).err();
        let refused = refused.unwrap_or_else(|| panic!("{file} passed: {}", row["why"]));
        assert_eq!(refused.code, ErrorCode::InvalidRequest, "{file}: {refused}");
    }
}

#[test]
fn every_rejecting_vector_that_has_a_json_form_is_refused_in_it() {
    let mut checked = 0;
    for row in vectors("rejecting") {
        let Some(collection) = row["json"].as_str() else {
            continue;
        };
        let (file, read) = (text(&row, "file"), reader(text(&row, "document")));
        let forms = read_json(&format!("schemas/vectors/{collection}"));
        let name = file
            .rsplit('/')
            .next()
            .and_then(|name| name.strip_suffix(".msgpack"));
        let form = &forms[name.unwrap_or_else(|| panic!("{file} is no .msgpack"))];
        let refused = read(Format::Json, form.to_string().as_bytes());
        assert!(refused.is_err(), "{file} passed as JSON: {}", row["why"]);
        checked += 1;
    }
    assert!(checked > 50, "{checked} rejecting vectors have a JSON form");
}

fn unpacked(bytes: &[u8]) -> Packed {
    rmpv::decode::read_value(&mut &*bytes).expect("what was written is MessagePack")
}

/// Equal but for the widths of numbers.
fn same_packed(one: &Packed, other: &Packed) -> bool {
    match (one, other) {
        (Packed::Map(one), Packed::Map(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|((k1, v1), (k2, v2))| k1 == k2 && same_packed(v1, v2))
        }
        (Packed::Array(one), Packed::Array(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| same_packed(one, other))
        }
        _ => one == other || (one.as_f64().is_some() && one.as_f64() == other.as_f64()),
    }
}

/// Whether JSON says the same: bytes as base64, numbers as near as float32.
fn same(packed: &Packed, json: &Value) -> bool {
    match (packed, json) {
        (Packed::Map(pairs), Value::Object(object)) => {
            pairs.len() == object.len()
                && pairs.iter().all(|(key, value)| {
                    let twin = key.as_str().and_then(|key| object.get(key));
                    twin.is_some_and(|twin| same(value, twin))
                })
        }
        (Packed::Array(values), Value::Array(array)) => {
            values.len() == array.len()
                && values
                    .iter()
                    .zip(array)
                    .all(|(value, twin)| same(value, twin))
        }
        (Packed::Binary(bytes), Value::String(text)) => BASE64.encode(bytes) == *text,
        (Packed::F32(value), Value::Number(_)) => {
            json.as_f64().map(|twin| twin as f32) == Some(*value)
        }
        (Packed::F64(value), Value::Number(_)) => json.as_f64() == Some(*value),
        (Packed::Integer(value), Value::Number(_)) => {
            (value.as_u64(), value.as_i64()) == (json.as_u64(), json.as_i64())
        }
        (Packed::String(value), Value::String(twin)) => value.as_str() == Some(twin),
        (Packed::Boolean(value), Value::Bool(twin)) => value == twin,
        (Packed::Nil, Value::Null) => true,
        _ => false,
    }
}
