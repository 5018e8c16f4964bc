# `make help` lists the targets. Everything that is downloaded goes to .setup, everything that is built to target.

SHELL := bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
PYTHON ?= python3

# The one place that says where tests, demo and worker find what `make setup` put in place.
SETUP := $(CURDIR)/.setup
LIBRARY_SUFFIX := $(if $(filter Darwin,$(shell uname -s)),dylib,so)
export ORT_DYLIB_PATH := $(SETUP)/onnxruntime/lib/libonnxruntime.$(LIBRARY_SUFFIX)
export HF_HOME := $(SETUP)/hub
# Elsewhere in the environment these would point the build away from where demo and tests look.
export CARGO_TARGET_DIR := $(CURDIR)/target
export GOWORK := off
# The worker sees to this itself; tests also load the library in their own process.
export ORT_DISABLE_TELEMETRY := 1
export PATH := $(SETUP)/bin:$(PATH)

# Relative, because the folder's name may have spaces.
VENV_PYTHON := .setup/venv/bin/python
SHIPPED := target/shipped/fastembed-worker
# By another name: `make -n` runs the recipes that name MAKE itself.
THIS_MAKE := $(MAKE)
CARGO_RELEASE := --release --locked

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Fetch the pinned tools, ONNX Runtime, Python packages and the model into .setup
	@$(PYTHON) tools/setup.py

.PHONY: env
env: ## Print the environment for work outside make: eval "$(make -s env)"
	@printf 'export %s=%q\n' ORT_DYLIB_PATH "$$ORT_DYLIB_PATH" ORT_DISABLE_TELEMETRY 1 HF_HOME "$$HF_HOME" PATH "$$PATH"

.PHONY: build
build: ## Build the worker and the Go packages
	cargo build --workspace $(CARGO_RELEASE)
	cd clients/go && go build ./...

# fastembed as a program. In the worker's own target, where what both depend on is compiled once.
.PHONY: rival
rival: ## Build what tests and bench compare the worker with
	cargo build --manifest-path tests/rival/Cargo.toml $(CARGO_RELEASE)

.PHONY: demo
demo: ## Start a server and two workers on this machine and call them from Go
	@MAKE="$(THIS_MAKE)" tools/demo.sh

.PHONY: test
test: test-rust test-go test-python ## Run every test: Rust, Go and Python

# The contract is kept with and without JetStream.
.PHONY: test-rust
test-rust: setup rival
	cargo test --workspace $(CARGO_RELEASE)
	FASTEMBED_TEST_JETSTREAM=1 cargo test $(CARGO_RELEASE) --test suite contract::

# The tests in clients/go/test start the worker's binary, which the cache of results knows nothing of.
.PHONY: test-go
test-go: setup build
	cd clients/go && go test -race ./...
	cd clients/go/test && go test -race -count=1 ./...

.PHONY: test-python
test-python: setup check-generated
	$(VENV_PYTHON) schemas/check.py
	$(VENV_PYTHON) -m unittest discover --quiet --start-directory tools --pattern '*_test.py'
	$(VENV_PYTHON) -m unittest discover --quiet --start-directory tests/models --pattern '*_test.py'

# Apart from all else: candle and what it brings take minutes to build, and most workers have no use for it.
.PHONY: candle
candle: CANDLE := --features candle --target-dir target/candle $(CARGO_RELEASE)
candle: export HF_HOME := $(CURDIR)/target/candle/hub
# fastembed asks the hub for one file of weights before it looks for several; nobody answers there (tcpmux).
candle: export HF_ENDPOINT := http://127.0.0.1:1
candle: setup ## Lint and test the models that run by candle (Qwen3, Nomic v2 MoE), on small random weights
	cargo clippy -p fastembed-worker --all-targets $(CANDLE) -- -D warnings
	$(VENV_PYTHON) tests/models/candle.py $(HF_HOME)
	cargo test -p fastembed-worker --lib --test candle $(CANDLE) -- candle

.PHONY: soak
soak: setup build ## Run the long tests (minutes to hours)
	FASTEMBED_SOAK=1 cargo test $(CARGO_RELEASE) --test soak -- --nocapture
	cd clients/go/test && FASTEMBED_SOAK=1 go test -count=1 -timeout 2h -run Soak -v ./...

# Of the profile that ships: the other one checks what tests want to trip over. The worker starts workers of itself.
.PHONY: bench
bench: CHART ?= target/bench/bench.svg
bench: setup ## Measure the worker; the report goes to target/bench/report.json (CHART=docs/bench.svg draws it there)
	tools/build_shipped.sh
	cargo build --manifest-path tests/rival/Cargo.toml --profile shipped --locked
	@mkdir -p target/bench
	$(VENV_PYTHON) tests/models/full_size.py .setup/hub target/bench/models
	$(SHIPPED) bench --nats-server .setup/bin/nats-server --rival target/shipped/fastembed-rival \
		--models target/bench/models --report target/bench/report.json --chart $(CHART)

.PHONY: bench-micro
bench-micro: setup ## Measure decoding, encoding, planning and pooling alone
	cargo bench --manifest-path worker/micro/Cargo.toml --target-dir target/micro --locked

# The decoders' fuzzers: those of Rust beside the worker, built with the compiler of all else (cargo-fuzz asks for flags
# that stable hides), then those of Go. What they find lies in target/fuzz and clients/go/internal/wire/testdata.
.PHONY: fuzz
fuzz: SECONDS ?= 60
fuzz: setup ## Fuzz each decoder for a while (SECONDS=60)
	@$(PYTHON) tools/setup.py fuzz
	tools/fuzz.sh $(SECONDS)

.PHONY: mutants
mutants: setup rival ## Break the worker in one place after the other; each time a named test has to turn red
	$(VENV_PYTHON) tools/mutants.py

.PHONY: references
references: ## Recompute the reference vectors with PyTorch and compare (WRITE=1 replaces them)
	@$(PYTHON) tests/references/make.py $(if $(WRITE),--write)

# The worker last: it is built from what the first two write.
.PHONY: generate
generate: setup ## Write the generated code, documents, wire vectors and the default configuration
	$(VENV_PYTHON) schemas/generate.py
	$(VENV_PYTHON) schemas/vectors/make.py
	cargo run --quiet $(CARGO_RELEASE) --bin fastembed-worker -- generate config >target/worker.toml
	mv target/worker.toml config/worker.toml
	cargo run --quiet $(CARGO_RELEASE) --bin fastembed-worker -- generate metrics >target/metrics.md
	$(PYTHON) tools/readme.py --metrics target/metrics.md

.PHONY: check-generated
check-generated: setup ## Fail if a generated file is not what its source says
	$(VENV_PYTHON) schemas/generate.py --check
	$(VENV_PYTHON) schemas/vectors/make.py --check
	$(PYTHON) tools/readme.py --check

.PHONY: lint
lint: lint-format lint-rust lint-go ## Check formatting and run the linters, warnings being errors

.PHONY: lint-format
lint-format:
	cargo fmt --all --check
	cargo fmt --manifest-path worker/fuzz/Cargo.toml --check
	cargo fmt --manifest-path worker/micro/Cargo.toml --check
	cargo fmt --manifest-path tests/rival/Cargo.toml --check

.PHONY: lint-rust
lint-rust:
	cargo clippy --workspace --all-targets $(CARGO_RELEASE) -- -D warnings
	cargo clippy --manifest-path worker/fuzz/Cargo.toml --target-dir target/fuzz $(CARGO_RELEASE) -- -D warnings
	cargo clippy --manifest-path worker/micro/Cargo.toml --target-dir target/micro --all-targets $(CARGO_RELEASE) -- \
		-D warnings
	cargo clippy --manifest-path tests/rival/Cargo.toml $(CARGO_RELEASE) -- -D warnings

.PHONY: lint-go
lint-go: setup
	tools/lint_go.sh clients/go clients/go/test

.PHONY: compose-test
compose-test: ## Build the images, run three workers by compose, and stop one under load (needs a Docker engine)
	tools/compose_test.sh

# The tools of the next targets take minutes to build and are no part of `make setup`.
.PHONY: deny
deny: ## Check licences, bans and sources of all that is shipped
	@$(PYTHON) tools/setup.py audit-go audit-rust
	tools/deny.sh

.PHONY: audit
audit: ## Look up known vulnerabilities; fails where a database cannot be reached
	@$(PYTHON) tools/setup.py audit-go audit-rust
	tools/audit.sh

.PHONY: sbom
sbom: ## Write the bills of materials to target/sbom
	@$(PYTHON) tools/setup.py tools audit-go audit-rust
	$(PYTHON) tools/sbom.py

.PHONY: dist
dist: setup ## Build the worker as it is shipped, and pack it with its ONNX Runtime to target/dist
	tools/build_shipped.sh
	$(PYTHON) tools/dist.py

.PHONY: clean
clean: ## Remove what was built (target); what was downloaded (.setup) stays
	rm -rf target
