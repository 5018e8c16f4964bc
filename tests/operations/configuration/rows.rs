//! A row for every key and every relation between keys; several for some.

/// Where a setting comes from.
pub(super) enum From {
    /// The file's text.
    File(&'static str),
    /// A variable of the environment.
    Variable(&'static str, &'static str),
    /// Flags.
    Flags(&'static [&'static str]),
}
use From::{File, Flags, Variable};

/// What is set, and the line that refuses it.
pub(super) const ROWS: &[(From, &str)] = &[
    // [nats]
    (File("nats = 1"), "nats: must be a section, [nats]"),
    (File("[nats]\nurl = 1"), "nats.url: must be a text"),
    (
        Variable("NATS_URL", "http://h:4222"),
        "nats.url = \"http://h:4222\": must be addresses such as nats://host:4222 or tls://host:4222, comma separated",
    ),
    (
        Flags(&["--server", "nats://a:1,u:hunter2@h:port"]),
        "nats.url: must be addresses such as nats://host:4222 or tls://host:4222, comma separated",
    ),
    (File("[nats]\nuser = 1"), "nats.user = 1: must be a text"),
    (
        Variable("NATS_USER", "a"),
        "nats.password: must be set where nats.user is",
    ),
    (
        Variable("NATS_PASSWORD", "hunter2"),
        "nats.user: must be set where nats.password is",
    ),
    (
        File("[nats]\npassword = 12345678"),
        "nats.password: must be a text",
    ),
    (
        File("[nats]\ntoken = 12345678"),
        "nats.token: must be a text",
    ),
    (
        File("[nats]\nuser = 'a'\npassword = 'hunter2'\ntoken = 'hunter2'"),
        "nats.token: must not be set beside nats.user: a worker is one user",
    ),
    (
        Flags(&["--creds", "/nowhere", "--nkey", "/nowhere"]),
        "nats.nkey: must not be set beside nats.creds: a worker is one user",
    ),
    (
        File("[nats]\nuser = 'a'\npassword = 'b'\ncreds = 'c'"),
        "nats.creds: must not be set beside nats.user: a worker is one user",
    ),
    (
        Variable("NATS_CREDS", "/nowhere/a.creds"),
        "nats.creds = \"/nowhere/a.creds\": must be a credentials file: No such file or directory (os error 2)",
    ),
    (
        Variable("NATS_CREDS", "/dev/null"),
        "nats.creds = \"/dev/null\": must be a credentials file: it is none",
    ),
    (
        Variable("NATS_NKEY", "/nowhere/a.nk"),
        "nats.nkey = \"/nowhere/a.nk\": must be a file with a user's seed: No such file or directory (os error 2)",
    ),
    (
        Variable("NATS_NKEY", "/dev/null"),
        "nats.nkey = \"/dev/null\": must be a file with a user's seed: it is none",
    ),
    (
        Flags(&["--tlscert", "/c"]),
        "nats.key: must be set where nats.cert is",
    ),
    (
        Flags(&["--tlskey", "/k"]),
        "nats.cert: must be set where nats.key is",
    ),
    (
        Flags(&["--tlscert", "/nowhere/c", "--tlskey", "/nowhere/k"]),
        "nats.cert = \"/nowhere/c\": must be a PEM file: No such file or directory (os error 2)",
    ),
    (
        Variable("NATS_CA", "/dev/null"),
        "nats.ca = \"/dev/null\": must be a PEM file: it is none",
    ),
    (
        Flags(&["--inbox-prefix", "_INBOX.>"]),
        "nats.inbox_prefix = \"_INBOX.>\": must be names of A-Z a-z 0-9 _ - with dots between",
    ),
    (
        Flags(&["--inbox-prefix", "fastembed.v1"]),
        "nats.inbox_prefix = \"fastembed.v1\": must not lie under fastembed, where calls are",
    ),
    (
        File("[nats]\ninbox_prefix = 't.fastembed'\n[service]\nsubject_prefix = 't'"),
        "nats.inbox_prefix = \"t.fastembed\": must not lie under t.fastembed, where calls are",
    ),
    (
        File("[nats]\nconnect_timeout_ms = 0"),
        "nats.connect_timeout_ms = 0: must be a whole number between 1 and 60000",
    ),
    (
        Variable("NATS_CONTEXT", "../c"),
        "NATS_CONTEXT: \"../c\" is not the name of a context",
    ),
    // [service]
    (
        File("[service]\nqueue_group = 'a b'"),
        "service.queue_group = \"a b\": must be of A-Z a-z 0-9 _ -",
    ),
    (
        File("[service]\nsubject_prefix = 'a.'"),
        "service.subject_prefix = \"a.\": must be names of A-Z a-z 0-9 _ - with dots between",
    ),
    (
        File("[service]\nreply_prefixes = []"),
        "service.reply_prefixes = []: must have at least one, or nobody is answered",
    ),
    (
        File("[[models]]\nname = 'Qwen3Embedding06B'"),
        "models.name = \"Qwen3Embedding06B\": needs a worker that is built with the feature candle",
    ),
    (
        File("[objects]\nbuckets = ['images', 'a.*']"),
        "objects.buckets = \"a.*\": must be of A-Z a-z 0-9 _ -, without wildcards",
    ),
    (
        File("[service]\nreply_prefixes = [1]"),
        "service.reply_prefixes = [1]: must be a list of texts",
    ),
    (
        File("[service]\nreply_prefixes = ['_INBOX']"),
        "service.reply_prefixes = \"_INBOX\": must be names of A-Z a-z 0-9 _ - with dots between and a dot behind",
    ),
    (
        Variable("FASTEMBED_SERVICE_REPLY_PREFIXES", "_INBOX., $JS."),
        "service.reply_prefixes = \"$JS.\": must be names of A-Z a-z 0-9 _ - with dots between and a dot behind",
    ),
    (
        File("[service]\nreply_prefixes = ['fastembed.v1.']"),
        "service.reply_prefixes = \"fastembed.v1.\": must not lie under fastembed, where calls are",
    ),
    // [runtime]
    (
        File("[runtime]\nlibrary = 1"),
        "runtime.library = 1: must be a text",
    ),
    (
        File("[runtime]\ncache = []"),
        "runtime.cache = []: must be a text",
    ),
    (
        File("[runtime]\nlock = true"),
        "runtime.lock = true: must be a text",
    ),
    (
        Variable("FASTEMBED_RUNTIME_LOCK", "/nowhere/models.lock"),
        "/nowhere/models.lock: No such file or directory (os error 2)",
    ),
    (
        Variable("FASTEMBED_RUNTIME_LOCKED", "perhaps"),
        "FASTEMBED_RUNTIME_LOCKED = \"perhaps\": must be true or false",
    ),
    (
        File("[runtime]\nlocked = 1"),
        "runtime.locked = 1: must be true or false",
    ),
    (
        Variable("HF_HUB_OFFLINE", "perhaps"),
        "HF_HUB_OFFLINE = \"perhaps\": must be true or false",
    ),
    (
        File("[runtime]\noffline = 'yes'"),
        "runtime.offline = \"yes\": must be true or false",
    ),
    (
        File("[runtime]\nexecutors = 1025"),
        "runtime.executors = 1025: must be a whole number between 0 and 1024",
    ),
    (
        File("[runtime]\nthreads = 257"),
        "runtime.threads = 257: must be a whole number between 0 and 256",
    ),
    (
        File("[runtime]\ntokenizers = 1.5"),
        "runtime.tokenizers = 1.5: must be a whole number between 1 and 256",
    ),
    (
        File("[runtime]\nbatch_tokens = 0"),
        "runtime.batch_tokens = 0: must be a whole number between 1 and 1048576",
    ),
    (
        File("[runtime]\nbulk_tokens = 0"),
        "runtime.bulk_tokens = 0: must be a whole number between 1 and 1048576",
    ),
    (
        File("[runtime]\nbatch_tokens = 64\nbulk_tokens = 65"),
        "runtime.bulk_tokens = 65: must be at most runtime.batch_tokens, 64: runs of bulk get shorter while queries come",
    ),
    (
        File("[runtime]\ndeduplicate = 1"),
        "runtime.deduplicate = 1: must be true or false",
    ),
    (
        File("[runtime]\nvector_cache_bytes = -1"),
        "runtime.vector_cache_bytes = -1: must be a whole number between 0 and 1099511627776",
    ),
    (
        File("[runtime]\nrun_limit_ms = 9"),
        "runtime.run_limit_ms = 9: must be a whole number between 10 and 3600000",
    ),
    // [hub]
    (
        Variable("HF_ENDPOINT", "huggingface.co"),
        "hub.endpoint = \"huggingface.co\": must be an address such as https://huggingface.co, without user, query and fragment",
    ),
    (
        Variable("HF_ENDPOINT", "https://u:hunter2@h"),
        "hub.endpoint: must be an address such as https://huggingface.co, without user, query and fragment",
    ),
    (
        Variable("HF_TOKEN", "hunter2 hunter2"),
        "hub.token = ***: must be printable ASCII without blanks, as headers are",
    ),
    (
        File("[hub]\nconnect_timeout_ms = 60001"),
        "hub.connect_timeout_ms = 60001: must be a whole number between 1 and 60000",
    ),
    (
        File("[hub]\nstall_timeout_ms = 0"),
        "hub.stall_timeout_ms = 0: must be a whole number between 1 and 600000",
    ),
    (
        File("[hub]\nretries = 101"),
        "hub.retries = 101: must be a whole number between 0 and 100",
    ),
    (
        File("[hub]\nretry_delay_ms = -1"),
        "hub.retry_delay_ms = -1: must be a whole number between 0 and 60000",
    ),
    // [queue]
    (
        Variable("FASTEMBED_QUEUE_MAX_REQUESTS", "many"),
        "FASTEMBED_QUEUE_MAX_REQUESTS = \"many\": must be a whole number between 1 and 1048576",
    ),
    (
        Flags(&["--set", "queue.max_requests=0"]),
        "queue.max_requests = 0: must be a whole number between 1 and 1048576",
    ),
    (
        File("[queue]\nmax_tokens = 1073741825"),
        "queue.max_tokens = 1073741825: must be a whole number between 1 and 1073741824",
    ),
    (
        File("[queue]\nmax_tokens = 10"),
        "queue.max_tokens = 10: must be at least runtime.batch_tokens, 256, or no batch fills",
    ),
    (
        File("[queue]\nmax_tokens = 300\n[[models]]\nname = 'BGESmallENV15'"),
        "queue.max_tokens = 300: must be at least 512, the longest text of BGESmallENV15, or it never waits beside another",
    ),
    (
        File(
            "[runtime]\nbatch_tokens = 4\n[queue]\nmax_tokens = 8\n[[models]]\nname = 'F'\nkind = 'fake'\nmax_length = 9",
        ),
        "queue.max_tokens = 8: must be at least 9, the longest text of F, or it never waits beside another",
    ),
    (
        File("[queue]\nmax_bytes = 131071"),
        "queue.max_bytes = 131071: must be at least 131072, or the longest text never waits beside another",
    ),
    (
        File("[queue]\nmax_bytes = 0"),
        "queue.max_bytes = 0: must be a whole number between 1 and 1099511627776",
    ),
    // [http], [drain], [log]
    (
        File("[http]\nlisten = 'localhost'"),
        "http.listen = \"localhost\": must be an IP address and a port, such as 127.0.0.1:9464",
    ),
    (
        File("[drain]\ndeadline_ms = 0"),
        "drain.deadline_ms = 0: must be a whole number between 1 and 3600000",
    ),
    (
        File("[drain]\ndeadline_ms = 100"),
        "drain.deadline_ms = 100: must be at least runtime.run_limit_ms, 30000, or a run that takes its time is not answered",
    ),
    (
        File("[log]\nfilter = 'a=b=c'"),
        "log.filter = \"a=b=c\": must be a filter such as info,async_nats=warn",
    ),
    (
        File("[log]\nformat = 'xml'"),
        "log.format = \"xml\": must be one of auto, pretty, json",
    ),
    // [[models]]
    (
        File("models = 1"),
        "models: must be a list of tables, [[models]]",
    ),
    (
        File("[models]\nname = 'A'"),
        "models: must be a list of tables, [[models]]",
    ),
    (
        File("[[models]]\nkind = 'fake'"),
        "models.name: must be set for every model",
    ),
    (
        File("[[models]]\nname = 'a b'\nkind = 'fake'"),
        "models.name = \"a b\": must be of A-Z a-z 0-9 _ -",
    ),
    (
        File("[[models]]\nname = 'Nonesuch'"),
        "models.name = \"Nonesuch\": must be one of fastembed's names of text models, such as AllMiniLML6V2",
    ),
    (
        File("[[models]]\nname = 'AllMiniLML6v2'"),
        "models.name = \"AllMiniLML6v2\": must be one of fastembed's names of text models, such as AllMiniLML6V2; did you mean AllMiniLML6V2?",
    ),
    (
        File("[[models]]\nname = 'onnx-community/embeddinggemma-300m-onnx'"),
        "models.name = \"onnx-community/embeddinggemma-300m-onnx\": must be one of EmbeddingGemma300M, EmbeddingGemma300MQ, EmbeddingGemma300MQ4",
    ),
    (
        File(
            "[[models]]\nname = 'AllMiniLML6V2'\n[[models]]\nname = 'Qdrant/all-MiniLM-L6-v2-onnx'",
        ),
        "models.name = \"Qdrant/all-MiniLM-L6-v2-onnx\": must be served once, and AllMiniLML6V2 stands twice",
    ),
    (
        File("[[models]]\nname = 'A'\nkind = 'gguf'"),
        "models.kind = \"gguf\": must be one of onnx, fake",
    ),
    (
        File("[[models]]\nname = 'AllMiniLML6V2'\nmax_length = 2"),
        "models.max_length = 2: must be a whole number between 3 and 131072",
    ),
    (
        File("[[models]]\nname = 'F'\nkind = 'fake'\ndimensions = 65537"),
        "models.dimensions = 65537: must be a whole number between 0 and 65536",
    ),
    (
        File("[[models]]\nname = 'F'\nkind = 'fake'\ndelay_ms = -1"),
        "models.delay_ms = -1: must be a whole number between 0 and 3600000",
    ),
    (
        File("[[models]]\nname = 'AllMiniLML6V2'\npanic_on = 'a'"),
        "models.panic_on: must be set for models of kind \"fake\" alone",
    ),
    (
        File("[[models]]\nname = 'F'\nkind = 'fake'\nstall_on = 1"),
        "models.stall_on = 1: must be a text",
    ),
    (
        File("[[models]]\nname = 'F'\nkind = 'fake'\nhang_on = 1"),
        "models.hang_on = 1: must be a text",
    ),
    (
        File("[[models]]\nname = 'F'\nkind = 'fake'\nnan_on = 1"),
        "models.nan_on = 1: must be a text",
    ),
    // What is no setting at all.
    (
        File("[queue]\nmax_request = 1"),
        "queue.max_request: there is no such setting; did you mean queue.max_requests?",
    ),
    (
        File("[http]\nport = 1"),
        "http.port: there is no such setting; there are listen",
    ),
    (
        File("[quue]\nmax_requests = 1"),
        "quue: there is no such section; did you mean queue?",
    ),
    (
        File("[[models]]\nname = 'F'\nkind = 'fake'\ndelay = 1"),
        "models.delay: there is no such setting; there are delay_ms, dimensions, directory, file, files, hang_on, kind, lazy, license, load_ms, matryoshka, max_length, memory_bytes, name, nan_on, normalize, op, output, panic_on, pins, pooling, preprocessor, prompts, query_weights, repository, revision, runs_alone, stall_on, tokenizer",
    ),
    (
        Variable("FASTEMBED_QUEUE_MAX_TOKEN", "1"),
        "FASTEMBED_QUEUE_MAX_TOKEN: there is no such setting; did you mean queue.max_tokens?",
    ),
    (
        Variable("FASTEMBED_PORT", "tcp://10.0.0.1:4222"),
        "FASTEMBED_PORT: sets nothing; sections are nats, service, runtime, hub, queue, objects, http, drain, log",
    ),
    (
        Flags(&["--set", "queue.max=1"]),
        "queue.max: there is no such setting; there are max_bytes, max_requests, max_tokens",
    ),
    (
        Flags(&["--set", "password=hunter2"]),
        "password: is not of the form section.key=value",
    ),
];
