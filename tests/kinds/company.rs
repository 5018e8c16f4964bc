//! In process: what a row gets in a run with others is what it gets alone, and
//! what its reference says.

use fastembed_worker::models::catalog::{self, Entry};
use fastembed_worker::models::onnx::Prepared;
use fastembed_worker::models::session::Parallelism;
use fastembed_worker::models::{Input, Loaded, Op, Options, Outputs, Row, Tokens};

use super::{OWN_REPOSITORY, TEXT, generated, near};
use crate::fidelity::environment;

const QUERY: &str = "what is the price of bread";

fn load(entry: Entry) -> Loaded {
    let cache = std::path::PathBuf::from(generated().hub());
    let alone = Parallelism {
        instances: 1,
        threads: 1,
    };
    let prepared = Prepared::read(&cache, entry, None).expect("a generated model");
    prepared.load(environment(), alone).expect("it runs")
}

fn row(tokens: &Tokens) -> Row<'_> {
    Row {
        input: Input::Tokens {
            ids: &tokens.ids,
            second: tokens.second,
        },
        options: Options::default(),
    }
}

fn run(loaded: &mut Loaded, rows: &[Row<'_>]) -> Outputs {
    let mut outputs = Outputs::default();
    let ran = loaded.instances[0].run(rows, &mut outputs);
    ran.expect("it runs");
    outputs
}

#[test]
fn rows_that_run_together_get_what_they_get_alone() {
    let text = TEXT.map(|name| (Op::Text, name));
    let others = [
        (Op::Sparse, "SPLADEPPV1"),
        (Op::Sparse, "OpenSearchNeuralSparseDocV3Gte"),
        (Op::Sparse, "BGEM3"),
        (Op::Rerank, "BGERerankerV2M3"),
        (Op::Rerank, "JINARerankerV1TurboEn"),
    ];
    for (op, name) in text.into_iter().chain(others) {
        let mut loaded = load(catalog::find(op, name).expect("an entry"));
        // Else company would have been found to matter, and be none.
        assert!(!loaded.facts.runs_alone, "{name} runs its texts alone");
        let mut texts = generated().reference("text", TEXT[0]).strings("texts");
        // As long as the model takes, which would make every row as wide.
        texts.pop();
        let tokens = texts.iter().map(|text| match op {
            Op::Rerank => loaded.tokenizer.beside(QUERY)?.tokenize(text),
            _ => loaded.tokenizer.tokenize(text),
        });
        let tokens: Vec<Tokens> = tokens.collect::<Result<_, _>>().expect("tokens");
        let rows: Vec<Row<'_>> = tokens.iter().map(row).collect();
        let shape = loaded.facts.shape;
        let together = run(&mut loaded, &rows);
        for (at, one) in rows.iter().enumerate() {
            let alone = run(&mut loaded, std::slice::from_ref(one));
            let apart = together.row(at, shape).apart(alone.row(0, shape));
            assert!(apart <= 1e-6, "{name}: {apart} apart, {:?}", texts[at]);
        }
    }
}

#[test]
fn the_second_text_of_a_pair_is_of_the_second_type() {
    let own = Entry {
        name: "OwnReranker".to_owned(),
        repository: OWN_REPOSITORY.to_owned(),
        graph: "model.onnx".to_owned(),
        additional: Vec::new(),
        ..catalog::find(Op::Rerank, "JINARerankerV1TurboEn").expect("an entry")
    };
    let mut loaded = load(own);
    let reference = generated().reference("rerank", "OwnReranker");
    let documents = reference.strings("documents");
    for (at, query) in reference.strings("queries").iter().enumerate() {
        let beside = loaded.tokenizer.beside(query).expect("tokens");
        let pairs = documents.iter().map(|document| beside.tokenize(document));
        let pairs: Vec<Tokens> = pairs.collect::<Result<_, _>>().expect("tokens");
        drop(beside);
        let rows: Vec<Row<'_>> = pairs.iter().map(row).collect();
        let ours = run(&mut loaded, &rows).dense;
        let these = at * documents.len()..(at + 1) * documents.len();
        near(query, &ours, &reference.array("logits")[these]);
    }
}
