//! The files that a model's graph, or its index, keeps weights in.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;

use super::catalog::Entry;
use super::proto::{EXTERNAL, GraphProto, ModelProto};
use super::repository::is_path;
use super::shards;

/// A file of weights that lies beside the graph, by its path from the model's folder
/// or as the graph names it.
pub(super) type External = (String, Arc<[u8]>);

/// The files that the graph of an entry, or its index, keeps weights in and the
/// entry does not name, by their paths from `root`.
///
/// # Errors
/// The reason, as text, where that cannot be read, or names a file elsewhere.
pub(crate) fn named_by(root: &Path, entry: &Entry) -> Result<Vec<String>, String> {
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
    Some(way.join("/")).filter(|path| is_path(path))
}

/// The same files as a graph at `path` names them; those that it does not name, from
/// its own folder.
pub(super) fn as_named(graph: &GraphProto, path: &str, external: &[External]) -> Vec<External> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::proto::{AttributeProto, NodeProto, StringStringEntryProto, TensorProto};

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

    /// A tensor in "a", a constant in "b", and a branch with a tensor in "c".
    fn graph() -> GraphProto {
        let node = |attribute| NodeProto {
            attribute: vec![attribute],
            ..NodeProto::default()
        };
        let branch = GraphProto {
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
        GraphProto {
            node: vec![node(constant), node(within)],
            initializer: vec![kept_in("a"), kept_in("a"), TensorProto::default()],
            ..GraphProto::default()
        }
    }

    #[test]
    fn weights_are_looked_for_in_every_graph_and_every_node() {
        let found: Vec<String> = locations(&graph()).into_iter().collect();
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
}
