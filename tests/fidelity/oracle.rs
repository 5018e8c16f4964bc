//! In process: our sessions against fastembed's own, from the same files.

use fastembed::{
    InitOptionsUserDefined, Pooling, TextEmbedding, TokenizerFiles, UserDefinedEmbeddingModel,
};
use fastembed_worker::models::onnx::Prepared;
use fastembed_worker::models::session::Parallelism;
use fastembed_worker::models::{Loaded, Op, Outputs, Row, catalog};

use super::{References, distance, environment};
use crate::harness::set_up;

const MAX_TOKENS: usize = 256;

fn fastembeds_own(environment: ort::environment::Environment) -> TextEmbedding {
    let repository = "hub/models--Qdrant--all-MiniLM-L6-v2-onnx";
    let revision =
        std::fs::read_to_string(set_up(&format!("{repository}/refs/main"))).expect("a revision");
    let read = |name: &str| {
        let file = set_up(&format!(
            "{repository}/snapshots/{}/{name}",
            revision.trim()
        ));
        std::fs::read(file).unwrap_or_else(|fault| panic!("{name}: {fault}"))
    };
    let tokenizer = TokenizerFiles {
        tokenizer_file: read("tokenizer.json"),
        config_file: read("config.json"),
        special_tokens_map_file: read("special_tokens_map.json"),
        tokenizer_config_file: read("tokenizer_config.json"),
    };
    let model =
        UserDefinedEmbeddingModel::new(read("model.onnx"), tokenizer).with_pooling(Pooling::Mean);
    let options = InitOptionsUserDefined::new()
        .with_environment(environment)
        .with_max_length(MAX_TOKENS)
        .with_intra_threads(1);
    TextEmbedding::try_new_from_user_defined(model, options).expect("fastembed loads the model")
}

#[test]
fn our_vectors_are_fastembeds_own() {
    let references = References::read();
    let environment = environment();
    let parallelism = Parallelism {
        instances: 1,
        threads: 1,
    };
    let Loaded {
        tokenizer,
        mut instances,
        ..
    } = catalog::find(Op::Text, "AllMiniLML6V2")
        .and_then(|entry| Prepared::read(&set_up("hub"), entry, None))
        .and_then(|prepared| prepared.load(environment, parallelism))
        .expect("our model");
    let mut oracle = fastembeds_own(environment.clone());
    for sentence in &references.sentences {
        let ids = tokenizer.tokenize(sentence).expect("tokens").ids;
        let mut ours = Outputs::default();
        let row = Row::text(&ids);
        instances[0].run(&[row], &mut ours).expect("our vector");
        let theirs = oracle.embed([sentence], None).expect("fastembed's vector");
        let apart = distance(&ours.dense, &theirs[0]);
        assert!(apart <= 1e-6, "{apart} apart: {sentence:?}");
    }
}
