"""One entry for each family, as `fastembed-worker models --json` prints them, and a hub made of them once."""

import atexit
import functools
import tempfile
from pathlib import Path

import layout

TEXT_FILES = ["tokenizer.json", "config.json", "special_tokens_map.json", "tokenizer_config.json"]
SEED = 0


def entry(op, name, repository, graph, dimensions=None, max_length=512, additional=(), **more):
    files = [graph, *additional, *(["preprocessor_config.json"] if op == "image" else TEXT_FILES)]
    made = {"op": op, "name": name, "repository": repository, "graph": graph, "additional": list(additional),
            "files": files, "max_length": max_length, **more}
    return made | ({"dimensions": dimensions} if dimensions else {})


M3_DATA = ["onnx/model.onnx_data", "onnx/Constant_7_attr__value"]
ENTRIES = {
    "bert": entry("text", "BGESmallENV15", "Xenova/bge-small-en-v1.5", "onnx/model.onnx", 384),
    "bert-static": entry("text", "BGESmallENV15Q", "Qdrant/bge-small-en-v1.5-onnx-Q", "model_optimized.onnx", 384),
    "mpnet": entry("text", "AllMpnetBaseV2", "Xenova/all-mpnet-base-v2", "onnx/model.onnx", 768),
    "bert-multilingual": entry("text", "MultilingualE5Small", "intfloat/multilingual-e5-small", "onnx/model.onnx", 384),
    "xlmr": entry("text", "MultilingualE5Large", "Qdrant/multilingual-e5-large-onnx", "model.onnx", 1024,
                  additional=["model.onnx_data"]),
    "nomic": entry("text", "NomicEmbedTextV15", "nomic-ai/nomic-embed-text-v1.5", "onnx/model.onnx", 768),
    "nomic-dynamic": entry("text", "NomicEmbedTextV15Q", "nomic-ai/nomic-embed-text-v1.5",
                           "onnx/model_quantized.onnx", 768, max_length=2048),
    "gte": entry("text", "GTEBaseENV15", "Alibaba-NLP/gte-base-en-v1.5", "onnx/model.onnx", 768),
    "jina": entry("text", "JinaEmbeddingsV2BaseEN", "jinaai/jina-embeddings-v2-base-en", "model.onnx", 768),
    "jina-code": entry("text", "JinaEmbeddingsV2BaseCode", "jinaai/jina-embeddings-v2-base-code", "onnx/model.onnx",
                       768),
    "modernbert": entry("text", "ModernBertEmbedLarge", "lightonai/modernbert-embed-large", "onnx/model.onnx", 1024),
    "gemma": entry("text", "EmbeddingGemma300M", "onnx-community/embeddinggemma-300m-ONNX", "onnx/model.onnx", 768,
                   additional=["onnx/model.onnx_data"]),
    "clip-text": entry("text", "ClipVitB32", "Qdrant/clip-ViT-B-32-text", "model.onnx", 512, max_length=77),
    # In no catalogue: users bring decoders.
    "decoder": entry("text", "OwnDecoder", "example/own-decoder", "model.onnx", 64, family="decoder"),
    "bge-m3": entry("text", "BGEM3", "BAAI/bge-m3", "onnx/model.onnx", 1024, additional=M3_DATA),
    "bge-m3-sparse": entry("sparse", "BGEM3", "BAAI/bge-m3", "onnx/model.onnx", additional=M3_DATA),
    "splade": entry("sparse", "SPLADEPPV1", "Qdrant/Splade_PP_en_v1", "model.onnx"),
    "inference-free": entry("sparse", "OpenSearchNeuralSparseDocV3Gte",
                            "Qdrant/opensearch-neural-sparse-encoding-doc-v3-gte", "model.onnx",
                            additional=["idf.json"]),
    # The catalogue has no cross-encoder of plain BERT's; users bring them.
    "bert-cross-encoder": entry("rerank", "OwnReranker", "example/own-reranker", "model.onnx",
                                family="bert-cross-encoder"),
    "xlmr-cross-encoder": entry("rerank", "BGERerankerV2M3", "rozgo/bge-reranker-v2-m3", "model.onnx",
                                additional=["model.onnx.data"]),
    "jina-cross-encoder": entry("rerank", "JINARerankerV1TurboEn", "jinaai/jina-reranker-v1-turbo-en",
                                "onnx/model.onnx"),
    "bge-m3-joint": entry("joint", "BGEM3Q", "gpahal/bge-m3-onnx-int8", "model_quantized.onnx", 1024),
    "clip-image": entry("image", "ClipVitB32", "Qdrant/clip-ViT-B-32-vision", "model.onnx", 512),
    "resnet": entry("image", "Resnet50", "Qdrant/resnet50-onnx", "model.onnx", 2048),
    "unicom-16": entry("image", "UnicomVitB16", "Qdrant/Unicom-ViT-B-16", "model.onnx", 768),
    "unicom-32": entry("image", "UnicomVitB32", "Qdrant/Unicom-ViT-B-32", "model.onnx", 512),
    "nomic-image": entry("image", "NomicEmbedVisionV15", "nomic-ai/nomic-embed-vision-v1.5", "onnx/model.onnx", 768),
}


@functools.cache
def hub():
    """A hub cache with every entry's model, which goes when the tests end."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    layout.write(SEED, ENTRIES.values(), Path(folder.name))
    return Path(folder.name)
