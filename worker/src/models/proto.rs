//! What we read and write of ONNX files
//! (github.com/onnx/onnx/blob/main/onnx/onnx.proto); all else is passed over.

#![expect(missing_docs, reason = "names and meanings are those of onnx.proto")]

use bytes::Bytes;
use prost::Message;

/// `TensorProto.DataType.FLOAT`.
pub const FLOAT: i32 = 1;

/// `TensorProto.DataType.INT64`.
pub const INT64: i32 = 7;

/// `TensorProto.DataLocation.EXTERNAL`.
pub const EXTERNAL: i32 = 1;

#[derive(Clone, PartialEq, Message)]
pub struct ModelProto {
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    #[prost(message, optional, tag = "7")]
    pub graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSetIdProto>,
}

#[derive(Clone, PartialEq, Message)]
pub struct OperatorSetIdProto {
    #[prost(string, tag = "1")]
    pub domain: String,
    #[prost(int64, tag = "2")]
    pub version: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<NodeProto>,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfoProto>,
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfoProto>,
}

#[derive(Clone, PartialEq, Message)]
pub struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    #[prost(string, tag = "4")]
    pub op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<AttributeProto>,
}

/// Only what may hold tensors.
#[derive(Clone, PartialEq, Message)]
pub struct AttributeProto {
    #[prost(message, optional, tag = "5")]
    pub t: Option<TensorProto>,
    #[prost(message, optional, tag = "6")]
    pub g: Option<GraphProto>,
    #[prost(message, repeated, tag = "10")]
    pub tensors: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    pub graphs: Vec<GraphProto>,
}

#[derive(Clone, PartialEq, Message)]
pub struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    pub dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    #[prost(string, tag = "8")]
    pub name: String,
    /// Little-endian values; empty where they stand in another field or file.
    #[prost(bytes = "bytes", tag = "9")]
    pub raw_data: Bytes,
    #[prost(message, repeated, tag = "13")]
    pub external_data: Vec<StringStringEntryProto>,
    #[prost(int32, tag = "14")]
    pub data_location: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct StringStringEntryProto {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct ValueInfoProto {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub r#type: Option<TypeProto>,
}

#[derive(Clone, PartialEq, Message)]
pub struct TypeProto {
    #[prost(message, optional, tag = "1")]
    pub tensor_type: Option<TensorTypeProto>,
}

#[derive(Clone, PartialEq, Message)]
pub struct TensorTypeProto {
    #[prost(int32, tag = "1")]
    pub elem_type: i32,
    #[prost(message, optional, tag = "2")]
    pub shape: Option<TensorShapeProto>,
}

#[derive(Clone, PartialEq, Message)]
pub struct TensorShapeProto {
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<Dimension>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Dimension {
    #[prost(string, tag = "2")]
    pub dim_param: String,
}

impl TensorProto {
    /// What is said of data that lie in a file.
    pub(super) fn told(&self, key: &str) -> Option<&str> {
        let mut entries = self.external_data.iter();
        Some(entries.find(|entry| entry.key == key)?.value.as_str())
    }
}

impl GraphProto {
    /// Every node and every tensor, those of graphs within nodes included.
    pub(super) fn visit(
        &self,
        node: &mut impl FnMut(&NodeProto),
        tensor: &mut impl FnMut(&TensorProto),
    ) {
        // A list in place of a recursion: what is nested is not ours.
        let mut graphs = vec![self];
        while let Some(graph) = graphs.pop() {
            graph.initializer.iter().for_each(&mut *tensor);
            for each in &graph.node {
                node(each);
                for attribute in &each.attribute {
                    attribute.t.iter().for_each(&mut *tensor);
                    attribute.tensors.iter().for_each(&mut *tensor);
                    graphs.extend(&attribute.g);
                    graphs.extend(&attribute.graphs);
                }
            }
        }
    }
}

impl ValueInfoProto {
    /// A tensor of this name and element type; `sides` name its dimensions,
    /// none leaves even their number open.
    #[must_use]
    pub fn tensor(name: &str, elem_type: i32, sides: &[&str]) -> Self {
        let dim = |side: &&str| Dimension {
            dim_param: (*side).to_owned(),
        };
        let shape = (!sides.is_empty()).then(|| TensorShapeProto {
            dim: sides.iter().map(dim).collect(),
        });
        let tensor_type = Some(TensorTypeProto { elem_type, shape });
        Self {
            name: name.to_owned(),
            r#type: Some(TypeProto { tensor_type }),
        }
    }
}
