//! Rows as in `rows`, of models of one's own, and a table of each kind that is right.

use super::rows::From::{self, File};
use super::run;

pub(super) const ROWS: &[(From, &str)] = &[
    (
        File("[[models]]\nname = 'a'\ndirectory = 1"),
        "models.directory = 1: must be a text",
    ),
    (
        File("[[models]]\nname = 'a'\ndirectory = '/nowhere/a'"),
        "models.directory = \"/nowhere/a\": must be a folder: No such file or directory (os error 2)",
    ),
    (
        File("[[models]]\nname = 'a'\ndirectory = '/dev/null'"),
        "models.directory = \"/dev/null\": must be a folder: it is none",
    ),
    (
        File("[[models]]\nname = 'a'\ndirectory = '/'\nrepository = 'a/b'"),
        "models.repository: must not be set beside models.directory: a model lies in one place",
    ),
    (
        File("[[models]]\nname = 'a'\nrepository = 'a'"),
        "models.repository = \"a\": must be a hub repository, owner/name",
    ),
    (
        File("[[models]]\nname = 'a'\nrepository = '../b'"),
        "models.repository = \"../b\": must be a hub repository, owner/name",
    ),
    (
        File("[[models]]\nname = 'a b'\ndirectory = '/'"),
        "models.name = \"a b\": must be of A-Z a-z 0-9 _ -",
    ),
    (
        File("[[models]]\nname = 'AllMiniLML6V2'\ndirectory = '/'"),
        "models.name = \"AllMiniLML6V2\": must not be a name among fastembed's text models",
    ),
    (
        File("[[models]]\nname = 'ClipVitB32'\nop = 'image'\ndirectory = '/'"),
        "models.name = \"ClipVitB32\": must not be a name among fastembed's image models",
    ),
    (
        File("[[models]]\nname = 'a'\ndirectory = '/'\n[[models]]\nname = 'a'\nrepository = 'a/b'"),
        "models.name = \"a\": must be served once, and a stands twice",
    ),
    (
        File(
            "[[models]]\nname = 'a'\ndirectory = '/'\n[[models]]\nname = 'a'\nop = 'rerank'\ndirectory = '/'",
        ),
        "models.name = \"a\": must be another name: a is called on rerank.a too",
    ),
    (
        File(
            "[[models]]\nname = 'AllMiniLML6V2'\n[[models]]\nname = 'AllMiniLML6V2'\nop = 'rerank'\ndirectory = '/'",
        ),
        "models.name = \"AllMiniLML6V2\": must be another name: AllMiniLML6V2 is called on rerank.AllMiniLML6V2 too",
    ),
    (
        // A fake one embeds texts, whatever fastembed's of its name does.
        File(
            "[[models]]\nname = 'UnicomVitB32'\nkind = 'fake'\n[[models]]\nname = 'UnicomVitB32'\nop = 'rerank'\ndirectory = '/'",
        ),
        "models.name = \"UnicomVitB32\": must be another name: UnicomVitB32 is called on rerank.UnicomVitB32 too",
    ),
    (
        File("[[models]]\nname = 'a'\nop = 'chat'\ndirectory = '/'"),
        "models.op = \"chat\": must be one of text, sparse, image, rerank, joint",
    ),
    (
        File("[[models]]\nname = 'AllMiniLML6V2'\nop = 'text'"),
        "models.op: must be set for models of one's own alone, which have models.directory or models.repository",
    ),
    (
        File("[[models]]\nname = 'a'\nkind = 'fake'\ndirectory = '/'"),
        "models.directory: must not be set for models of kind \"fake\"",
    ),
    (
        File("[[models]]\nname = 'a'\ndirectory = '/'\npanic_on = 'a'"),
        "models.panic_on: must be set for models of kind \"fake\" alone",
    ),
    (
        File("[[models]]\nname = 'a'\ndirectory = '/'\nrevision = 'abc'"),
        "models.revision: must be set beside models.repository alone",
    ),
    (
        File("[[models]]\nname = 'a'\nrepository = 'a/b'\nrevision = '../c'"),
        "models.revision = \"../c\": must be a commit of the repository, 40 digits of 0-9 a-f",
    ),
    (
        File("[[models]]\nname = 'a'\nrepository = 'a/b'\nrevision = 'main'"),
        "models.revision = \"main\": must be a commit of the repository, 40 digits of 0-9 a-f",
    ),
    (
        File("[[models]]\nname = 'a'\ndirectory = '/'\nfile = '../model.onnx'"),
        "models.file = \"../model.onnx\": must be a path below the model's folder, of A-Z a-z 0-9 _ - . and /",
    ),
    (
        File("[[models]]\nname = 'a'\ndirectory = '/'\nfiles = ['/etc/passwd']"),
        "models.files = \"/etc/passwd\": must be a path below the model's folder, of A-Z a-z 0-9 _ - . and /",
    ),
    (
        File("[[models]]\nname = 'a'\ndirectory = '/'\nfiles = [1]"),
        "models.files = [1]: must be a list of texts",
    ),
    (
        File("[[models]]\nname = 'a'\ndirectory = '/'\ntokenizer = ''"),
        "models.tokenizer = \"\": must be a path below the model's folder, of A-Z a-z 0-9 _ - . and /",
    ),
    (
        File("[[models]]\nname = 'a'\nop = 'image'\ndirectory = '/'\ntokenizer = 'a'"),
        "models.tokenizer: must be set where models.op is text, sparse, rerank, joint alone",
    ),
    (
        File("[[models]]\nname = 'a'\nop = 'image'\ndirectory = '/'\nmax_length = 9"),
        "models.max_length: must be set where models.op is text, sparse, rerank, joint alone",
    ),
    (
        File("[[models]]\nname = 'a'\ndirectory = '/'\npreprocessor = 'a'"),
        "models.preprocessor: must be set where models.op is image alone",
    ),
    (
        File("[[models]]\nname = 'a'\ndirectory = '/'\nquery_weights = 'a'"),
        "models.query_weights: must be set where models.op is sparse alone",
    ),
    (
        File("[[models]]\nname = 'a'\nop = 'joint'\ndirectory = '/'\noutput = 'a'"),
        "models.output: must be set where models.op is text, sparse, rerank, image alone",
    ),
    (
        File("[[models]]\nname = 'a'\ndirectory = '/'\npooling = 'max'"),
        "models.pooling = \"max\": must be one of cls, mean, last",
    ),
    (
        File("[[models]]\nname = 'a'\nop = 'rerank'\ndirectory = '/'\npooling = 'cls'"),
        "models.pooling: must be set where models.op is text alone",
    ),
    (
        File("[[models]]\nname = 'a'\nop = 'sparse'\ndirectory = '/'\nprompts = { query = 'q' }"),
        "models.prompts: must be set where models.op is text alone",
    ),
    (
        File("[[models]]\nname = 'a'\ndirectory = '/'\nprompts = ['q']"),
        "models.prompts = [\"q\"]: must be a table of texts",
    ),
    (
        File("[[models]]\nname = 'a'\ndirectory = '/'\nprompts = { 'a b' = 'q' }"),
        "models.prompts = \"a b\": must have names of A-Z a-z 0-9 _ -",
    ),
    (
        File("[[models]]\nname = 'a'\nop = 'sparse'\ndirectory = '/'\nnormalize = true"),
        "models.normalize: must be set where models.op is text, image alone",
    ),
    (
        File("[[models]]\nname = 'a'\ndirectory = '/'\nnormalize = 1"),
        "models.normalize = 1: must be true or false",
    ),
    (
        File("[[models]]\nname = 'a'\nop = 'rerank'\ndirectory = '/'\ndimensions = 8"),
        "models.dimensions: must be set where models.op is text, image, joint alone",
    ),
    (
        File("[[models]]\nname = 'a'\ndirectory = '/'\ndimensions = 0"),
        "models.dimensions = 0: must be left out or at least 1: the model's own",
    ),
    (
        File("[[models]]\nname = 'AllMiniLML6V2'\ndimensions = 8"),
        "models.dimensions: must be set for models of one's own and of kind \"fake\" alone",
    ),
    (
        File("[[models]]\nname = 'a'\ndirectory = '/'\nmatryoshka = [8, 0]"),
        "models.matryoshka = [8, 0]: must be a list of whole numbers between 1 and 65536",
    ),
    (
        File("[[models]]\nname = 'a'\ndirectory = '/'\ndimensions = 8\nmatryoshka = [9]"),
        "models.matryoshka = 9: must be at most models.dimensions, 8",
    ),
    (
        File("[[models]]\nname = 'a'\ndirectory = '/'\nlicense = 'a/b'"),
        "models.license = \"a/b\": must be an SPDX identifier, such as Apache-2.0",
    ),
    (
        File("[[models]]\nname = 'a'\ndirectory = '/'\npins = { 'model.onnx' = 'abc' }"),
        "models.pins = \"abc\": must be a sha256, 64 digits of 0-9 a-f, for model.onnx",
    ),
    (
        File("[[models]]\nname = 'a'\ndirectory = '/'\npins = { '../m' = 'abc' }"),
        "models.pins = \"../m\": must be a path below the model's folder, of A-Z a-z 0-9 _ - . and /",
    ),
    (
        File("[[models]]\nname = 'a'\ndirectory = '/'\nruns_alone = 'yes'"),
        "models.runs_alone = \"yes\": must be true or false",
    ),
    (
        File(
            "[queue]\nmax_tokens = 600\n[[models]]\nname = 'a'\ndirectory = '/'\nmax_length = 601",
        ),
        "queue.max_tokens = 600: must be at least 601, the longest text of a, or it never waits beside another",
    ),
];

/// A table of every kind, with every key that it may have.
const RIGHT: &[&str] = &[
    "name = 'a'\ndirectory = '/'",
    "name = 'a'\nrepository = 'a/b'",
    "name = 'a'\nop = 'text'\nrepository = 'a/b.c'\nrevision = '0123456789abcdef0123456789abcdef01234567'\n\
     file = 'onnx/model_int8.onnx'\nfiles = ['onnx/more.bin']\ntokenizer = 't/tokenizer.json'\n\
     output = 'token_embeddings'\npooling = 'last'\nnormalize = false\nmax_length = 4096\ndimensions = 8\n\
     matryoshka = [4, 2]\nprompts = { query = 'query: ', passage = '' }\nlicense = 'Apache-2.0 OR MIT'\n\
     runs_alone = true\n\
     pins = { 'onnx/model_int8.onnx' = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' }",
    "name = 'a'\nop = 'sparse'\ndirectory = '/'\nquery_weights = 'idf.json'\noutput = 'logits'",
    "name = 'a'\nop = 'rerank'\ndirectory = '/'\nmax_length = 512\noutput = 'logits'",
    "name = 'a'\nop = 'joint'\ndirectory = '/'\ndimensions = 1024",
    "name = 'a'\nop = 'image'\ndirectory = '/'\npreprocessor = 'p.json'\ndimensions = 512\nnormalize = true",
    // One name for several operations that meet on no subject; that of another's model.
    "name = 'a'\ndirectory = '/'\n[[models]]\nname = 'a'\nop = 'image'\ndirectory = '/'",
    "name = 'BGERerankerBase'\nop = 'joint'\ndirectory = '/'",
    "name = 'UnicomVitB32'\nkind = 'fake'\n[[models]]\nname = 'UnicomVitB32'",
];

#[tokio::test]
async fn tables_of_ones_own_models_that_are_right_are_taken() {
    for table in RIGHT {
        let text: &'static str = Box::leak(format!("[[models]]\n{table}").into_boxed_str());
        let exit = run("check", &File(text), "nats://127.0.0.1:1").await;
        assert_eq!(exit.code, Some(0), "{table}\n{}", exit.lines.join("\n"));
    }
}
