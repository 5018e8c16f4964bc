use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio_util::sync::CancellationToken;

use super::*;
use crate::batch::admission::Bounds;
use crate::models::fake::{self, Behaviour};
use crate::models::{self, Model, Outputs, Row, Terminate, Tokenize, Tokens};
use crate::telemetry::metrics::Metrics;
use crate::wire::Format;
use crate::wire::call::Lane;
use crate::wire::text::TextRequest;

const BUDGET: Budget = Budget {
    padded_tokens: 8,
    squared_tokens: 64,
};

/// A tokenizer that two sides must meet at, before it begins and to go on.
struct Held(Barrier);

impl Tokenize for Held {
    fn tokenize(&self, _text: &str) -> Result<Tokens, Error> {
        self.0.wait();
        self.0.wait();
        Ok(Tokens::of_text(vec![1], false))
    }
}

const SETTINGS: Settings = Settings {
    budget: BUDGET,
    bulk_under_queries: BUDGET,
    deduplicate: true,
    vector_cache_bytes: 0,
    tokenizers: 1,
    inline_bytes: 0,
    run_limit: Duration::from_secs(30),
};

fn company(processors: usize) -> Company {
    Company {
        processors: Processors::new(processors),
        on_hang: Arc::new(|| {}),
    }
}

/// A query of one text.
fn request(text: &str) -> Request {
    let call = Call {
        format: Format::MsgPack,
        timeout: Duration::from_secs(30),
        lane: Lane::Interactive,
        parts: false,
        alive: false,
    };
    let request = TextRequest {
        inputs: vec![text.to_owned()],
        ..TextRequest::default()
    };
    Request {
        op: Op::Text,
        call,
        room: Room::within(usize::MAX),
        body: call.format.encode(&request).unwrap().into(),
        received: Instant::now(),
        cancelled: CancellationToken::new(),
        store: None,
    }
}

#[tokio::test]
async fn a_request_given_up_before_it_is_tokenized_is_counted_and_never_decoded() {
    let metrics = Metrics::new();
    let held = Arc::new(Held(Barrier::new(2)));
    let loaded = Loaded {
        tokenizer: Arc::clone(&held) as Arc<dyn Tokenize>,
        ..fake::load("Fake", 8, 1, &Behaviour::default())
    };
    let of_model = metrics.of_model("text", "Fake");
    let admission = Admission::new(Bounds::default(), 1);
    let gate = Arc::clone(&admission);
    let pipeline = Pipeline::start(loaded, SETTINGS, gate, &of_model, &company(1)).unwrap();
    let submit = || {
        let request = request("a");
        let ticket = request.admit(&admission, &of_model).unwrap();
        pipeline.submit(request, ticket).unwrap()
    };
    let first = submit();
    held.0.wait();
    drop(submit());
    held.0.wait();
    assert!(first.await.is_ok());
    // Ends the tokenizer's thread, so that it has seen the second one.
    drop(pipeline);
    let counted = r#"fastembed_expired_requests_total{op="text",model="Fake"} 1"#;
    assert!(metrics.render().contains(counted), "{}", metrics.render());
}
/// Notes how many run at once.
struct Crowded(Arc<Crowd>, Box<dyn Model>);

#[derive(Default)]
struct Crowd {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Model for Crowded {
    fn run(&mut self, rows: &[Row<'_>], outputs: &mut Outputs) -> Result<(), models::Error> {
        let now = self.0.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.most.fetch_max(now, Ordering::SeqCst);
        let ran = self.1.run(rows, outputs);
        self.0.now.fetch_sub(1, Ordering::SeqCst);
        ran
    }

    fn terminator(&self) -> Arc<dyn Terminate> {
        self.1.terminator()
    }
}

#[tokio::test]
async fn busy_models_together_run_on_no_more_than_the_processors_there_are() {
    let (crowd, metrics) = (Arc::<Crowd>::default(), Metrics::new());
    let company = company(2);
    let behaviour = Behaviour {
        delay_ms: 20,
        ..Behaviour::default()
    };
    let pipelines = ["A", "B", "C"].map(|name| {
        let loaded = fake::load(name, 8, 2, &behaviour);
        let crowded = |model| Box::new(Crowded(Arc::clone(&crowd), model)) as Box<dyn Model>;
        let loaded = Loaded {
            instances: loaded.instances.into_iter().map(crowded).collect(),
            ..loaded
        };
        let (gate, metrics) = (
            Admission::new(Bounds::default(), 1),
            metrics.of_model("text", name),
        );
        let started =
            Pipeline::start(loaded, SETTINGS, Arc::clone(&gate), &metrics, &company).unwrap();
        (started, gate, metrics)
    });
    let mut answers = Vec::new();
    for n in 0..8 {
        for (pipeline, gate, metrics) in &pipelines {
            let request = request(&format!("text {n}"));
            let ticket = request.admit(gate, metrics).unwrap();
            answers.push(pipeline.submit(request, ticket).unwrap());
        }
    }
    for answer in futures_util::future::join_all(answers).await {
        assert!(answer.is_ok());
    }
    assert_eq!(crowd.most.load(Ordering::SeqCst), 2);
}
