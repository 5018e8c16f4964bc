//! What these cores multiply: the runtime's own matrix product, at the shape of
//! the model's largest.

use std::thread;
use std::time::{Duration, Instant};

use ort::session::Session;
use ort::value::TensorRef;
use prost::Message;

use crate::models::onnx::Environment;

/// Rows × inner × columns of the product.
const SHAPE: [usize; 3] = [256, 384, 1536];

/// Operations of the model for one unpadded token, its matrix products alone.
pub(super) const FLOP_PER_TOKEN: f64 = 21.2e6;

/// How long is multiplied.
const SPAN: Duration = Duration::from_millis(500);

#[derive(Clone, PartialEq, Message)]
struct ModelProto {
    #[prost(int64, tag = "1")]
    ir_version: i64,
    #[prost(message, optional, tag = "7")]
    graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "8")]
    opset_import: Vec<OperatorSetIdProto>,
}

#[derive(Clone, PartialEq, Message)]
struct OperatorSetIdProto {
    #[prost(int64, tag = "2")]
    version: i64,
}

#[derive(Clone, PartialEq, Message)]
struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    node: Vec<NodeProto>,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "5")]
    initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    input: Vec<ValueInfoProto>,
    #[prost(message, repeated, tag = "12")]
    output: Vec<ValueInfoProto>,
}

#[derive(Clone, PartialEq, Message)]
struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    output: Vec<String>,
    #[prost(string, tag = "4")]
    op_type: String,
}

#[derive(Clone, PartialEq, Message)]
struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(bytes = "vec", tag = "9")]
    raw_data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct ValueInfoProto {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    kind: Option<TypeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TypeProto {
    #[prost(message, optional, tag = "1")]
    tensor: Option<TensorTypeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorTypeProto {
    #[prost(int32, tag = "1")]
    elem_type: i32,
}

/// `TensorProto.DataType.FLOAT`.
const FLOAT: i32 = 1;

/// `y = x · w`, with `w` known, so that the runtime packs it once.
fn product() -> Vec<u8> {
    let [_, inner, columns] = SHAPE;
    let value = |name: &str| ValueInfoProto {
        name: name.to_owned(),
        kind: Some(TypeProto {
            tensor: Some(TensorTypeProto { elem_type: FLOAT }),
        }),
    };
    let weights = (0..inner * columns).map(|at| (at % 17) as f32 / 17.0);
    let graph = GraphProto {
        node: vec![NodeProto {
            input: vec!["x".to_owned(), "w".to_owned()],
            output: vec!["y".to_owned()],
            op_type: "MatMul".to_owned(),
        }],
        name: "product".to_owned(),
        initializer: vec![TensorProto {
            dims: vec![inner as i64, columns as i64],
            data_type: FLOAT,
            name: "w".to_owned(),
            raw_data: weights.flat_map(f32::to_le_bytes).collect(),
        }],
        input: vec![value("x")],
        output: vec![value("y")],
    };
    let model = ModelProto {
        ir_version: 8,
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { version: 17 }],
    };
    model.encode_to_vec()
}

/// Operations per second of `threads` threads at once, each with a session of its own.
pub(super) fn flops(environment: &Environment, threads: usize) -> anyhow::Result<f64> {
    let model = product();
    let sessions: Vec<Session> = (0..threads)
        .map(|_| {
            Session::builder(environment)?
                .with_intra_threads(1)?
                .commit_from_memory(&model)
        })
        .collect::<Result<_, _>>()?;
    let rates = thread::scope(|scope| {
        let running: Vec<_> = sessions
            .into_iter()
            .map(|session| scope.spawn(move || multiply(session)))
            .collect();
        let joined = running.into_iter().map(|thread| match thread.join() {
            Ok(rate) => rate,
            Err(_) => anyhow::bail!("a thread panicked"),
        });
        joined.collect::<anyhow::Result<Vec<f64>>>()
    })?;
    Ok(rates.iter().sum())
}

fn multiply(mut session: Session) -> anyhow::Result<f64> {
    let [rows, inner, columns] = SHAPE;
    let x = vec![0.5_f32; rows * inner];
    let mut products = 0_u32;
    let mut start = Instant::now();
    // The first packs the weights and warms the caches.
    while products == 0 || start.elapsed() < SPAN {
        let x = TensorRef::from_array_view(([rows, inner], &*x))?;
        session.run(ort::inputs!["x" => x])?;
        if products == 0 {
            start = Instant::now();
        }
        products += 1;
    }
    let operations = f64::from(products - 1) * 2.0 * (rows * inner * columns) as f64;
    Ok(operations / start.elapsed().as_secs_f64())
}
