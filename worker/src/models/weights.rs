//! One copy of a model's weights for all sessions that run it.
//!
//! A session reads its initialisers out of the graph and then packs the
//! matrices anew, for itself. Given the tensors from outside and one container
//! for what is packed, all sessions use the same memory.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use ort::session::builder::{PrepackedWeights, SessionBuilder};
use ort::value::{DynValue, Tensor};
use prost::Message;

use super::Error;
use super::catalog::Entry;
use super::files::{self, Files};
use super::proto::{EXTERNAL, FLOAT, GraphProto, ModelProto, NodeProto, TensorProto};
use super::shards;

/// Smaller tensors stay with the graph: its optimiser folds them away.
const MIN_SHARED_BYTES: usize = 16 * 1024;

/// Operators that take the scale of what they quantise over a whole run.
const DYNAMIC: &[&str] = &[
    "DynamicQuantizeLinear",
    "DynamicQuantizeMatMul",
    "MatMulIntegerToFloat",
    "DynamicQuantizeLSTM",
];

/// A file of weights that lies beside the graph, by its path from the model's folder
/// or as the graph names it.
pub(super) type External = (String, Arc<[u8]>);

impl TensorProto {
    /// What is said of data that lie in a file.
    fn told(&self, key: &str) -> Option<&str> {
        let mut entries = self.external_data.iter();
        Some(entries.find(|entry| entry.key == key)?.value.as_str())
    }

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

impl GraphProto {
    /// Every node and every tensor, those of graphs within nodes included.
    fn visit(&self, node: &mut impl FnMut(&NodeProto), tensor: &mut impl FnMut(&TensorProto)) {
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

/// Whether any node takes the scale of what it quantises over a whole run.
fn is_dynamic(graph: &GraphProto) -> bool {
    let mut dynamic = false;
    graph.visit(
        &mut |node| dynamic |= DYNAMIC.contains(&node.op_type.as_str()),
        &mut |_| {},
    );
    dynamic
}

/// The files that the graph of an entry, or its index, keeps weights in and the
/// entry does not name, by their paths from `root`.
///
/// # Errors
/// The reason, as text, where that cannot be read, or names a file elsewhere.
pub(crate) fn beside(root: &Path, entry: &Entry) -> Result<Vec<String>, String> {
    let bytes = std::fs::read(root.join(&entry.graph)).map_err(|fault| fault.to_string())?;
    let locations = if entry.is_sharded() {
        shards::named(&bytes)?
    } else {
        let model = ModelProto::decode(Bytes::from(bytes));
        let model = model.map_err(|_| "is not an ONNX file".to_owned())?;
        locations(&model.graph.ok_or("is not an ONNX file")?)
    };
    let mut found = Vec::new();
    for location in locations {
        let path = located(&entry.graph, &location).ok_or_else(|| {
            format!(
                "keeps weights in {location:?}, which is no path below the model's folder, \
                 of A-Z a-z 0-9 _ - . and /"
            )
        })?;
        if !entry.additional.contains(&path) && !found.contains(&path) {
            found.push(path);
        }
    }
    Ok(found)
}

/// The path from the model's folder of what a graph at `graph` names; none where that
/// is outside. Some exporters write `./` before it.
fn located(graph: &str, location: &str) -> Option<String> {
    let mut way: Vec<&str> = graph.split('/').collect();
    way.pop();
    for part in location.split('/') {
        match part {
            "." => {}
            ".." => drop(way.pop()?),
            part => way.push(part),
        }
    }
    Some(way.join("/")).filter(|path| files::is_path(path))
}

/// The same files as a graph at `path` names them; those that it does not name, from
/// its own folder.
fn as_named(graph: &GraphProto, path: &str, external: &[External]) -> Vec<External> {
    let mut named = Vec::new();
    let locations = locations(graph);
    for (file, data) in external {
        let mut names: Vec<String> = locations.iter().cloned().collect();
        names.retain(|name| located(path, name).as_ref() == Some(file));
        if names.is_empty() {
            let folder = path
                .rsplit_once('/')
                .map(|(folder, _)| format!("{folder}/"));
            let below = folder.and_then(|folder| file.strip_prefix(&folder));
            names.push(below.unwrap_or(file).to_owned());
        }
        named.extend(names.into_iter().map(|name| (name, Arc::clone(data))));
    }
    named
}

/// The files that a graph keeps weights in, as it names them.
fn locations(graph: &GraphProto) -> BTreeSet<String> {
    let mut locations = BTreeSet::new();
    graph.visit(&mut |_| {}, &mut |tensor| {
        let location = tensor.told("location");
        if let Some(location) = location.filter(|_| tensor.data_location == EXTERNAL) {
            locations.insert(location.to_owned());
        }
    });
    locations
}

/// What lies beside a model's graph, as `read` gives it.
///
/// # Errors
/// The first one of `read`.
pub(super) fn external(
    files: &Files,
    read: impl Fn(&Path) -> Result<Vec<u8>, Error>,
) -> Result<Vec<External>, Error> {
    let known = |file: &PathBuf| {
        let path = file.strip_prefix(&files.root).unwrap_or(file);
        Ok((path.display().to_string(), read(file)?.into()))
    };
    files.additional.iter().map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::proto::{AttributeProto, StringStringEntryProto};

    fn kept_in(location: &str) -> TensorProto {
        let told = StringStringEntryProto {
            key: "location".to_owned(),
            value: location.to_owned(),
        };
        TensorProto {
            external_data: vec![told],
            data_location: EXTERNAL,
            ..TensorProto::default()
        }
    }

    /// `outer` with a constant in "b", and a branch with a tensor in "c".
    fn model(inner: &str) -> Bytes {
        let node = |op: &str, attribute| NodeProto {
            op_type: op.to_owned(),
            attribute: vec![attribute],
            ..NodeProto::default()
        };
        let branch = GraphProto {
            node: vec![node(inner, AttributeProto::default())],
            initializer: vec![kept_in("c")],
            ..GraphProto::default()
        };
        let constant = AttributeProto {
            t: Some(kept_in("b")),
            ..AttributeProto::default()
        };
        let within = AttributeProto {
            g: Some(branch),
            ..AttributeProto::default()
        };
        let graph = GraphProto {
            node: vec![node("Constant", constant), node("If", within)],
            initializer: vec![kept_in("a"), kept_in("a"), TensorProto::default()],
            ..GraphProto::default()
        };
        let model = ModelProto {
            graph: Some(graph),
            ..ModelProto::default()
        };
        model.encode_to_vec().into()
    }

    #[test]
    fn weights_are_looked_for_in_every_graph_and_every_node() {
        let model = ModelProto::decode(model("Add")).unwrap();
        let found: Vec<String> = locations(&model.graph.unwrap()).into_iter().collect();
        assert_eq!(found, ["a", "b", "c"]);
    }

    #[test]
    fn weights_lie_where_the_graph_says_within_the_models_folder() {
        for (graph, location, path) in [
            ("model.onnx", "a", Some("a")),
            ("model.onnx", "./a", Some("a")),
            ("model.onnx", "b/../a", Some("a")),
            ("onnx/model.onnx", "./a", Some("onnx/a")),
            ("onnx/model.onnx", "../a", Some("a")),
            ("model.onnx", "../a", None),
            ("onnx/model.onnx", "../../a", None),
            ("onnx/model.onnx", "/etc/passwd", None),
            ("model.onnx", "/etc/passwd", None),
            ("model.onnx", "a b", None),
            ("model.onnx", "", None),
        ] {
            assert_eq!(located(graph, location).as_deref(), path, "{location}");
        }
    }

    #[test]
    fn a_file_is_given_to_the_runtime_under_every_name_that_the_graph_has_for_it() {
        let graph = GraphProto {
            initializer: ["./a", "a", "../b"].map(kept_in).into(),
            ..GraphProto::default()
        };
        let data: Arc<[u8]> = Arc::new([]);
        let files = ["onnx/a", "b", "onnx/c"].map(|file| (file.to_owned(), Arc::clone(&data)));
        let named = as_named(&graph, "onnx/model.onnx", &files);
        let named: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(named, ["./a", "a", "../b", "c"]);
    }

    #[test]
    fn a_branch_that_quantises_by_the_run_makes_the_whole_graph_dynamic() {
        let is_dynamic = |bytes: Bytes| {
            let model = ModelProto::decode(bytes).unwrap();
            is_dynamic(&model.graph.unwrap())
        };
        assert!(is_dynamic(model("DynamicQuantizeLinear")));
        assert!(!is_dynamic(model("QuantizeLinear")));
    }
}
