//! What a request costs beside its runs: decoding, encoding, planning, pooling.
//!
//! `make bench-micro`; figures compare with those of an earlier run on the same
//! machine, which criterion keeps in `target/criterion`.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion};
use fastembed_micro::plan::{Budget, Budgets, View, next_batch};
use fastembed_micro::pooling::Pooling;
use fastembed_micro::random::SplitMix;
use fastembed_micro::wire::Format;
use fastembed_micro::wire::call::{Call, Lane};
use fastembed_micro::wire::reply::{self, Answer, Responder, Room};
use fastembed_micro::wire::text::TextRequest;
use fastembed_micro::wire::vectors::Encoding;
use fastembed_micro::workload;

const SEED: u64 = 1;
const DIMENSIONS: usize = 384;

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode a request, texts");
    for texts in [1, 128] {
        let request = TextRequest {
            inputs: workload::texts(SEED, texts),
            ..TextRequest::default()
        };
        for format in [Format::MsgPack, Format::Json] {
            let body = format.encode(&request).expect("it has a form");
            let id = BenchmarkId::new(format!("{format:?}"), texts);
            group.bench_with_input(id, &body, |bencher, body| {
                bencher.iter(|| format.decode::<TextRequest>(black_box(body)));
            });
        }
    }
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode a reply, vectors");
    let responder = Responder {
        model: "AllMiniLML6V2",
        instance: "ELkjDtB5D6KRDAfaDO3Jay",
    };
    let room = Room::within(8 << 20);
    for rows in [1, 128] {
        for (format, encoding) in [
            (Format::MsgPack, Encoding::F32),
            (Format::Json, Encoding::Array),
        ] {
            let answer = Answer {
                rows,
                dimensions: DIMENSIONS,
                vectors: values(rows * DIMENSIONS),
                tokens: vec![16; rows],
                truncated: vec![false; rows],
                space: "d43fed5fea6c2101".to_owned(),
                encoding,
                ..Answer::default()
            };
            let call = Call {
                format,
                timeout: Duration::MAX,
                lane: Lane::Interactive,
                parts: false,
                alive: false,
            };
            let id = BenchmarkId::new(format!("{format:?}"), rows);
            group.bench_with_input(id, &answer, |bencher, answer| {
                bencher.iter(|| reply::write(black_box(answer), &call, room, responder));
            });
        }
    }
}

fn plan(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plan a batch, texts that wait");
    let budget = Budget {
        padded_tokens: 256,
        squared_tokens: 256 * 256,
    };
    let budgets = Budgets {
        queries: budget,
        bulk: budget.at_most(128),
    };
    for count in [64, 1024] {
        let mut random = SplitMix::new(SEED);
        let view = |arrival| View {
            tokens: 3 + random.below(253),
            arrival,
            queries: 0,
            lane: Lane::Bulk,
        };
        let waiting: Vec<View> = (0..count).map(view).collect();
        group.bench_with_input(
            BenchmarkId::from_parameter(count),
            &waiting,
            |bencher, waiting| {
                bencher.iter(|| next_batch(black_box(waiting), budgets));
            },
        );
    }
}

fn pool(criterion: &mut Criterion) {
    const ROWS: usize = 16;
    const TOKENS: usize = 256;
    let states = values(ROWS * TOKENS * DIMENSIONS);
    criterion.bench_function("pool 16 × 256 × 384, mean", |bencher| {
        bencher.iter_batched_ref(
            || Vec::with_capacity(ROWS * DIMENSIONS),
            |vectors| {
                for states in black_box(&states).chunks_exact(TOKENS * DIMENSIONS) {
                    Pooling::Mean.pool(states, DIMENSIONS, true, vectors);
                }
            },
            BatchSize::SmallInput,
        );
    });
}

fn values(count: usize) -> Vec<f32> {
    let mut random = SplitMix::new(SEED);
    let value = || random.unit() as f32 - 0.5;
    std::iter::repeat_with(value).take(count).collect()
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for measure in [decode, encode, plan, pool] {
        measure(&mut criterion);
    }
    criterion.final_summary();
}
