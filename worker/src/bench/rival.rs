//! fastembed's own call, on the same files and texts.

use std::fs;
use std::time::{Duration, Instant};

use fastembed::{
    InitOptionsUserDefined, Pooling, TextEmbedding, TokenizerFiles, UserDefinedEmbeddingModel,
};

use crate::config::Runtime;
use crate::models::catalog::{self, Op};
use crate::models::files::Files;
use crate::models::onnx::Environment;

/// fastembed as a library in this process.
pub(super) struct Rival(TextEmbedding);

impl Rival {
    /// Out of the same cache, cut at the model's own maximum.
    pub(super) fn load(
        environment: Environment,
        runtime: &Runtime,
        model: &str,
    ) -> anyhow::Result<Self> {
        let entry = catalog::find(Op::Text, model)?;
        let files = Files::find(&runtime.cache, &entry)?;
        let beside = |name: &str| fs::read(files.graph.with_file_name(name));
        let tokenizer = TokenizerFiles {
            tokenizer_file: fs::read(&files.tokenizer)?,
            config_file: beside("config.json")?,
            special_tokens_map_file: beside("special_tokens_map.json")?,
            tokenizer_config_file: beside("tokenizer_config.json")?,
        };
        let model = UserDefinedEmbeddingModel::new(fs::read(&files.graph)?, tokenizer)
            .with_pooling(Pooling::Mean);
        let mut options = InitOptionsUserDefined::new().with_environment(environment);
        options.max_length = entry.max_length.unwrap_or(options.max_length);
        Ok(Self(TextEmbedding::try_new_from_user_defined(
            model, options,
        )?))
    }

    /// All texts in one call; `batch` is fastembed's own default where absent.
    pub(super) fn embed(
        &mut self,
        texts: &[String],
        batch: Option<usize>,
    ) -> anyhow::Result<Duration> {
        let start = Instant::now();
        self.0.embed(texts, batch)?;
        Ok(start.elapsed())
    }
}
