//! The catalogue against fastembed's own lists, and its own facts against each other.

use std::collections::BTreeSet;

use fastembed::{Bgem3Embedding, SparseTextEmbedding, TextEmbedding, TextRerank};

use super::cards::Card;
use super::*;
use crate::models::Pooling;

fn all() -> Vec<Entry> {
    Op::ALL.into_iter().flat_map(of).collect()
}

fn candidates(refused: &Error) -> &[String] {
    match refused {
        Error::Ambiguous { candidates, .. } => candidates,
        _ => panic!("{refused}"),
    }
}

/// Every variant of one of fastembed's lists is found under its name, with the
/// repository and the files that the list has.
fn holds(op: Op, listed: Vec<(String, String, Vec<String>)>) {
    assert_eq!(listed_by_fastembed(op), listed.len());
    for (name, repository, files) in listed {
        let entry = find(op, &name).unwrap();
        assert_eq!((entry.op, &entry.name), (op, &name));
        assert_eq!(entry.repository, repository, "{name}");
        for file in files {
            assert!(entry.files().contains(&file), "{name}: {file}");
        }
    }
}

/// Entries that stand in a list of fastembed's, as those of candle do not.
fn listed_by_fastembed(op: Op) -> usize {
    of(op).iter().filter(|entry| !entry.is_candle).count()
}

/// What `holds` compares of an element of one of fastembed's lists.
macro_rules! facts {
    ($listed:expr) => {
        $listed
            .into_iter()
            .map(|info| {
                let mut files = info.additional_files;
                files.push(info.model_file);
                (format!("{:?}", info.model), info.model_code, files)
            })
            .collect()
    };
}

#[test]
fn every_text_model_of_fastembed_is_in_the_catalogue() {
    let listed = TextEmbedding::list_supported_models();
    for info in &listed {
        let entry = find(Op::Text, &format!("{:?}", info.model)).unwrap();
        assert_eq!(entry.dimensions, Some(info.dim));
        // What loading one relies on.
        assert!(entry.pooling.is_some() && entry.max_length.is_some());
    }
    holds(Op::Text, facts!(listed));
}

#[test]
fn every_sparse_model_of_fastembed_is_in_the_catalogue() {
    holds(
        Op::Sparse,
        facts!(SparseTextEmbedding::list_supported_models()),
    );
}

#[test]
fn every_reranker_of_fastembed_is_in_the_catalogue() {
    holds(Op::Rerank, facts!(TextRerank::list_supported_models()));
}

#[test]
fn every_joint_model_of_fastembed_is_in_the_catalogue() {
    holds(Op::Joint, facts!(Bgem3Embedding::list_supported_models()));
}

#[test]
fn every_image_model_is_one_of_fastembeds_by_repository_and_name() {
    for entry in of(Op::Image) {
        // fastembed looks the repository up in its list.
        let model: fastembed::ImageEmbeddingModel = entry.repository.parse().unwrap();
        assert_eq!(format!("{model:?}"), entry.name);
        assert_eq!(entry.files()[0], "preprocessor_config.json");
    }
}

#[test]
fn the_families_have_46_text_3_sparse_5_image_4_rerank_and_1_joint_model() {
    let counts = Op::ALL.map(listed_by_fastembed);
    assert_eq!(counts, [46, 3, 5, 4, 1]);
}

#[test]
fn every_model_has_one_card_and_every_card_a_model() {
    let entries: BTreeSet<_> = all().into_iter().map(|e| (e.op, e.name)).collect();
    let runs =
        |(_, name): &(Op, &str)| cfg!(feature = "candle") || !names_of_candle().contains(name);
    let carded: Vec<_> = Card::all().flat_map(Card::variants).filter(runs).collect();
    assert_eq!(carded.len(), entries.len(), "one has two cards, or none");
    for (op, name) in carded {
        assert!(entries.contains(&(op, name.to_owned())), "{op}/{name}");
    }
}

#[test]
fn every_card_names_its_page_and_no_page_has_two() {
    let mut pages = BTreeSet::new();
    for card in Card::all() {
        let (owner, name) = card.page.split_once('/').unwrap();
        assert!(!owner.is_empty() && !name.is_empty() && !name.contains('/'));
        assert!(pages.insert(card.page.to_lowercase()), "{}", card.page);
        assert!(card.source().starts_with("https://"), "{}", card.page);
    }
}

#[test]
fn vectors_are_cut_to_ever_fewer_values_from_all_of_them() {
    for entry in all() {
        let Some(card) = entry.card else { continue };
        let sizes = card.matryoshka;
        assert!(sizes.is_sorted_by(|one, next| one > next), "{}", entry.name);
        if let Some(largest) = sizes.first() {
            assert_eq!(Some(*largest), entry.dimensions, "{}", entry.name);
        }
    }
}

#[test]
fn a_prompt_stands_once_under_a_plain_name_and_ends_where_the_text_begins() {
    for card in Card::all() {
        let mut names = BTreeSet::new();
        for (name, text) in card.prompts {
            assert!(names.insert(name), "{}: {name} twice", card.page);
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            assert!(name.bytes().all(plain), "{}: {name}", card.page);
            // As Qwen's authors have it: https://huggingface.co/Qwen/Qwen3-Embedding-0.6B
            let ends = text.ends_with([' ', '：']) || text.ends_with("\nQuery:");
            assert!(ends, "{}: {name}", card.page);
        }
    }
}

#[test]
fn no_text_is_cut_later_than_its_model_can_read() {
    for entry in all() {
        let context = entry.card.and_then(|card| card.context);
        let cut = entry.max_length;
        assert!(
            cut.is_none_or(|cut| cut <= context.unwrap_or(512)),
            "{cut:?}"
        );
        assert_eq!(cut.is_none(), entry.op == Op::Image, "{}", entry.name);
    }
}

#[test]
fn minilm_is_found_by_fastembeds_name() {
    let entry = find(Op::Text, "AllMiniLML6V2").unwrap();
    assert_eq!((entry.dimensions, entry.max_length), (Some(384), Some(256)));
    assert_eq!(entry.pooling, Some(Pooling::Mean));
    assert_eq!(entry.repository, "Qdrant/all-MiniLM-L6-v2-onnx");
    assert_eq!(entry.license(), "Apache-2.0");
}

#[test]
fn what_makes_no_dense_vectors_has_no_dimensions() {
    for entry in all() {
        let dense = !matches!(entry.op, Op::Sparse | Op::Rerank);
        assert_eq!(entry.dimensions.is_some(), dense, "{}", entry.name);
    }
}

#[test]
fn dynamically_quantised_models_run_one_text_at_a_time() {
    assert!(find(Op::Text, "AllMiniLML6V2Q").unwrap().runs_alone());
    assert!(!find(Op::Text, "AllMiniLML6V2").unwrap().runs_alone());
    assert!(!find(Op::Text, "BGEBaseENV15Q").unwrap().runs_alone());
}

#[test]
fn every_name_is_a_subject_token() {
    for entry in all() {
        let name = &entry.name;
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}

#[test]
fn one_name_may_be_a_model_of_two_operations() {
    let text = find(Op::Text, "ClipVitB32").unwrap();
    let image = find(Op::Image, "ClipVitB32").unwrap();
    assert_eq!(text.repository, "Qdrant/clip-ViT-B-32-text");
    assert_eq!(image.repository, "Qdrant/clip-ViT-B-32-vision");
    assert_eq!(text.dimensions, image.dimensions);
}

#[test]
fn a_repository_of_one_model_is_a_name_of_it_in_any_case() {
    for (op, alias, name) in [
        (Op::Text, "qdrant/ALL-minilm-l6-v2-onnx", "AllMiniLML6V2"),
        (Op::Text, "baai/bge-m3", "BGEM3"),
        (Op::Sparse, "BAAI/bge-m3", "BGEM3"),
        (Op::Rerank, "ROZGO/bge-reranker-v2-m3", "BGERerankerV2M3"),
    ] {
        assert_eq!(find(op, alias).unwrap().name, name);
    }
}

#[test]
fn the_authors_repository_means_the_export_of_its_weights_and_not_the_smaller_one() {
    for (op, alias, name) in [
        (Op::Text, "BAAI/bge-small-en-v1.5", "BGESmallENV15"),
        (Op::Text, "xenova/bge-small-en-v1.5", "BGESmallENV15"),
        (
            Op::Text,
            "sentence-transformers/all-MiniLM-L6-v2",
            "AllMiniLML6V2",
        ),
        (Op::Text, "google/EmbeddingGemma-300m", "EmbeddingGemma300M"),
        (Op::Rerank, "BAAI/bge-reranker-v2-m3", "BGERerankerV2M3"),
        (Op::Sparse, "prithivida/Splade_PP_en_v1", "SPLADEPPV1"),
    ] {
        assert_eq!(find(op, alias).unwrap().name, name);
    }
}

#[test]
fn a_repository_of_several_models_lists_them() {
    let refused = find(Op::Text, "onnx-community/embeddinggemma-300m-ONNX").unwrap_err();
    assert_eq!(
        candidates(&refused),
        [
            "EmbeddingGemma300M",
            "EmbeddingGemma300MQ",
            "EmbeddingGemma300MQ4"
        ]
    );
}

#[test]
fn eleven_repositories_hold_several_text_models() {
    let repositories: BTreeSet<_> = of(Op::Text).into_iter().map(|e| e.repository).collect();
    let several = repositories
        .iter()
        .filter(|name| find(Op::Text, name).is_err());
    assert_eq!(several.count(), 11);
}

#[test]
fn a_name_without_an_operation_is_a_text_model_if_there_is_one() {
    for (name, label) in [
        ("ClipVitB32", "ClipVitB32"),
        ("text/ClipVitB32", "ClipVitB32"),
        ("image/ClipVitB32", "image/ClipVitB32"),
        ("BAAI/bge-m3", "BGEM3"),
        ("sparse/BAAI/bge-m3", "sparse/BGEM3"),
        ("SPLADEPPV1", "sparse/SPLADEPPV1"),
        ("baai/BGE-reranker-base", "rerank/BGERerankerBase"),
        ("BGEM3Q", "joint/BGEM3Q"),
    ] {
        assert_eq!(find_anywhere(name).unwrap().label(), label);
    }
}

#[test]
fn what_several_operations_have_is_listed_with_them() {
    let both = [Op::Text, Op::Image].map(|op| find(op, "ClipVitB32").unwrap());
    let refused = one("ClipVitB32", meant(both.into(), "ClipVitB32")).unwrap_err();
    assert_eq!(candidates(&refused), ["ClipVitB32", "image/ClipVitB32"]);
}

#[test]
fn what_one_operation_has_is_unknown_to_another() {
    for (op, name) in [
        (Op::Text, "allminilml6v2"),
        (Op::Image, "AllMiniLML6V2"),
        (Op::Text, "SPLADEPPV1"),
    ] {
        assert!(matches!(find(op, name), Err(Error::Unknown(_))));
    }
    for name in ["text/SPLADEPPV1", "nowhere/AllMiniLML6V2", ""] {
        assert!(matches!(find_anywhere(name), Err(Error::Unknown(_))));
    }
}
