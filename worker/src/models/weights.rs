//! One copy of a model's weights for all sessions that run it.
//!
//! A session reads its initialisers out of the graph and then packs the
//! matrices anew, for itself. Given the tensors from outside and one container
//! for what is packed, all sessions use the same memory. Only what that needs
//! of the ONNX file is read (github.com/onnx/onnx/blob/main/onnx/onnx.proto).

use std::sync::Arc;

use bytes::Bytes;
use ort::session::builder::{PrepackedWeights, SessionBuilder};
use ort::value::{DynValue, Tensor};
use prost::Message;

use super::Error;

/// Smaller tensors stay with the graph: its optimiser folds them away.
const MIN_SHARED_BYTES: usize = 16 * 1024;

/// `TensorProto.DataType.FLOAT`.
const FLOAT: i32 = 1;

#[derive(Clone, PartialEq, Message)]
struct ModelProto {
    #[prost(message, optional, tag = "7")]
    graph: Option<GraphProto>,
}

#[derive(Clone, PartialEq, Message)]
struct GraphProto {
    #[prost(message, repeated, tag = "5")]
    initializer: Vec<TensorProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(string, tag = "8")]
    name: String,
    /// Little-endian values; empty where they stand in another field or file.
    #[prost(bytes = "bytes", tag = "9")]
    raw_data: Bytes,
}

/// Whether these bytes are an ONNX file that has a graph.
pub(super) fn is_graph(bytes: Bytes) -> bool {
    ModelProto::decode(bytes).is_ok_and(|model| model.graph.is_some())
}

/// The large float32 tensors of one graph, and what sessions pack of them.
pub(super) struct Weights {
    tensors: Vec<(String, Arc<DynValue>)>,
    packed: PrepackedWeights,
}

impl Weights {
    /// Reads the tensors out of an ONNX file.
    ///
    /// # Errors
    /// [`Error::Run`] where the bytes are no ONNX file, or a tensor lacks values.
    pub(super) fn read(graph: &Bytes) -> Result<Self, Error> {
        let model = ModelProto::decode(graph.clone()).map_err(Error::run)?;
        let initializers = model.graph.unwrap_or_default().initializer.into_iter();
        let tensors = initializers
            .filter(|tensor| tensor.data_type == FLOAT && tensor.raw_data.len() >= MIN_SHARED_BYTES)
            .map(|tensor| {
                let (values, _) = tensor.raw_data.as_chunks();
                let values: Vec<f32> = values
                    .iter()
                    .map(|value| f32::from_le_bytes(*value))
                    .collect();
                let value = Tensor::from_array((tensor.dims, values)).map_err(Error::run)?;
                Ok((tensor.name, Arc::new(value.into_dyn())))
            })
            .collect::<Result<_, Error>>()?;
        Ok(Self {
            tensors,
            packed: PrepackedWeights::new(),
        })
    }

    /// Has a session use these weights in place of the graph's own.
    ///
    /// # Errors
    /// The runtime's refusal of a tensor.
    pub(super) fn apply(&self, builder: SessionBuilder) -> ort::Result<SessionBuilder> {
        let mut builder = builder.with_prepacked_weights(&self.packed)?;
        for (name, tensor) in &self.tensors {
            builder = builder.with_initializer(name, Arc::clone(tensor))?;
        }
        Ok(builder)
    }
}
