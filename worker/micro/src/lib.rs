//! What is measured, compiled from the worker's own sources, as the fuzz targets
//! do: without NATS and ONNX it builds in a minute.

#[path = "../../src/batch/plan.rs"]
pub mod plan;
#[path = "../../src/models/pooling.rs"]
pub mod pooling;
#[path = "../../src/random.rs"]
pub mod random;
#[path = "../../src/wire/mod.rs"]
pub mod wire;
#[path = "../../src/bench/workload.rs"]
pub mod workload;
