//! One copy of a model's weights for all sessions that run it.
//!
//! A session reads its initialisers out of the graph and then packs the
//! matrices anew, for itself. Given the tensors from outside and one container
//! for what is packed, all sessions use the same memory.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use ort::session::builder::{PrepackedWeights, SessionBuilder};
use ort::value::{DynValue, Tensor};
use prost::Message;

use super::Error;
use super::beside::{External, as_named};
use super::proto::{EXTERNAL, FLOAT, GraphProto, ModelProto, TensorProto};

/// Smaller tensors stay with the graph: its optimiser folds them away.
const MIN_SHARED_BYTES: usize = 16 * 1024;

/// Operators that take the scale of what they quantise over a whole run.
const DYNAMIC: &[&str] = &[
    "DynamicQuantizeLinear",
    "DynamicQuantizeMatMul",
    "MatMulIntegerToFloat",
    "DynamicQuantizeLSTM",
];

impl TensorProto {
    /// The tensor's bytes, from the graph or from a file beside it.
    fn bytes<'d>(&'d self, external: &'d [External]) -> Result<&'d [u8], Error> {
        if self.data_location != EXTERNAL {
            return Ok(&self.raw_data);
        }
        let told = |key: &str| self.told(key);
        let outside = || {
            Error::run(format!(
                "{}: its data are not in the files of the model",
                self.name
            ))
        };
        let number = |key: &str| match told(key) {
            Some(text) => text.parse().map(Some).map_err(|_| outside()),
            None => Ok(None),
        };
        let location = told("location").ok_or_else(outside)?;
        let (_, data) = external
            .iter()
            .find(|(name, _)| name == location)
            .ok_or_else(outside)?;
        let offset: usize = number("offset")?.unwrap_or(0);
        let rest = data.get(offset..).ok_or_else(outside)?;
        match number("length")? {
            Some(length) => rest.get(..length).ok_or_else(outside),
            None => Ok(rest),
        }
    }
}

/// Whether these bytes are an ONNX file that has a graph.
pub(super) fn is_graph(bytes: Bytes) -> bool {
    ModelProto::decode(bytes).is_ok_and(|model| model.graph.is_some())
}

/// The large float32 tensors of one graph, what sessions pack of them, and the
/// files that hold what is not in the graph.
pub(super) struct Weights {
    tensors: Vec<(String, Arc<DynValue>)>,
    packed: PrepackedWeights,
    external: Vec<External>,
    dynamic: bool,
}

impl Weights {
    /// Reads the tensors out of an ONNX file, which lies at `path`, and the files
    /// beside it.
    ///
    /// # Errors
    /// [`Error::Run`] where the bytes are no ONNX file, or a tensor lacks values.
    pub(super) fn read(graph: &Bytes, path: &str, external: &[External]) -> Result<Self, Error> {
        let model = ModelProto::decode(graph.clone()).map_err(Error::run)?;
        let graph = model.graph.unwrap_or_default();
        let external = as_named(&graph, path, external);
        let dynamic = is_dynamic(&graph);
        let initializers = graph.initializer.into_iter();
        let mut tensors = Vec::new();
        for tensor in initializers {
            let bytes = tensor.bytes(&external)?;
            if tensor.data_type != FLOAT || bytes.len() < MIN_SHARED_BYTES {
                continue;
            }
            let (values, _) = bytes.as_chunks();
            let values = values.iter().map(|value| f32::from_le_bytes(*value));
            let values: Vec<f32> = values.collect();
            let value = Tensor::from_array((tensor.dims, values)).map_err(Error::run)?;
            tensors.push((tensor.name, Arc::new(value.into_dyn())));
        }
        Ok(Self {
            tensors,
            packed: PrepackedWeights::new(),
            external,
            dynamic,
        })
    }

    /// Whether the graph quantises activations by a scale of the whole run.
    pub(super) fn are_dynamic(&self) -> bool {
        self.dynamic
    }

    /// Has a session use these weights in place of the graph's own.
    ///
    /// # Errors
    /// The runtime's refusal of a tensor.
    pub(super) fn apply(&self, builder: SessionBuilder) -> ort::Result<SessionBuilder> {
        let mut builder = builder.with_prepacked_weights(&self.packed)?;
        // The graph comes from memory, so the runtime knows no folder to look in.
        for (name, data) in &self.external {
            builder = builder
                .with_external_initializer_file_in_memory(Path::new(name), Arc::clone(data))?;
        }
        for (name, tensor) in &self.tensors {
            builder = builder.with_initializer(name, Arc::clone(tensor))?;
        }
        Ok(builder)
    }
}

/// Whether any node takes the scale of what it quantises over a whole run.
fn is_dynamic(graph: &GraphProto) -> bool {
    let mut dynamic = false;
    graph.visit(
        &mut |node| dynamic |= DYNAMIC.contains(&node.op_type.as_str()),
        &mut |_| {},
    );
    dynamic
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::proto::{AttributeProto, NodeProto};

    /// A graph whose branch has a node of this operator.
    fn branched(operator: &str) -> GraphProto {
        let within = GraphProto {
            node: vec![NodeProto {
                op_type: operator.to_owned(),
                ..NodeProto::default()
            }],
            ..GraphProto::default()
        };
        let branch = AttributeProto {
            g: Some(within),
            ..AttributeProto::default()
        };
        let node = NodeProto {
            op_type: "If".to_owned(),
            attribute: vec![branch],
            ..NodeProto::default()
        };
        GraphProto {
            node: vec![node],
            ..GraphProto::default()
        }
    }

    #[test]
    fn a_branch_that_quantises_by_the_run_makes_the_whole_graph_dynamic() {
        assert!(is_dynamic(&branched("DynamicQuantizeLinear")));
        assert!(!is_dynamic(&branched("QuantizeLinear")));
    }
}
