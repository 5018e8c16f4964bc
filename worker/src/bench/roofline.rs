//! What these cores multiply: the runtime's own matrix product, at the shape of
//! the model's largest.

use std::thread;
use std::time::{Duration, Instant};

use ort::session::Session;
use ort::value::TensorRef;
use prost::Message;

use crate::models::proto::{
    FLOAT, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, ValueInfoProto,
};
use crate::models::session::Environment;

/// Rows × inner × columns of the product.
const SHAPE: [usize; 3] = [256, 384, 1536];

/// Operations of the model for one unpadded token, its matrix products alone.
pub(super) const FLOP_PER_TOKEN: f64 = 21.2e6;

/// How long is multiplied.
const SPAN: Duration = Duration::from_millis(500);

/// `y = x · w`, with `w` known, so that the runtime packs it once.
fn product() -> Vec<u8> {
    let [_, inner, columns] = SHAPE;
    let value = |name: &str| ValueInfoProto::tensor(name, FLOAT, &[]);
    let weights = (0..inner * columns).map(|at| (at % 17) as f32 / 17.0);
    let graph = GraphProto {
        node: vec![NodeProto {
            input: vec!["x".to_owned(), "w".to_owned()],
            output: vec!["y".to_owned()],
            op_type: "MatMul".to_owned(),
            ..NodeProto::default()
        }],
        name: "product".to_owned(),
        initializer: vec![TensorProto {
            dims: vec![inner as i64, columns as i64],
            data_type: FLOAT,
            name: "w".to_owned(),
            raw_data: weights.flat_map(f32::to_le_bytes).collect(),
            ..TensorProto::default()
        }],
        input: vec![value("x")],
        output: vec![value("y")],
    };
    let model = ModelProto {
        ir_version: 8,
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto {
            version: 17,
            ..OperatorSetIdProto::default()
        }],
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
