# The images of compose.yaml: targets nats, models and worker. Needs BuildKit, which is Docker's default.
#
# A site without the public registry sets the base images: --build-arg DEBIAN_IMAGE=… and so on. Debian 12 or newer
# fits; the worker is built against the C library of RUST_IMAGE, so DEBIAN_IMAGE must not be older than that.
ARG DEBIAN_IMAGE=debian:bookworm-slim
ARG GO_IMAGE=golang:1.26-bookworm
ARG PYTHON_IMAGE=python:3.12-slim-bookworm
ARG RUST_IMAGE=rust:1.95-bookworm

# What runs as this user can write nowhere but in the folders made for it below.
FROM ${DEBIAN_IMAGE} AS base
RUN for folder in /data /models; do install --directory --owner=10001 --group=10001 "$folder"; done

# The server at the version that the tests run against.
FROM ${GO_IMAGE} AS nats-build
WORKDIR /src/tools
COPY tools/go.mod tools/go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    GOMODCACHE=/go/pkg/mod CGO_ENABLED=0 \
    go build -trimpath -ldflags=-s -o /out/nats-server github.com/nats-io/nats-server/v2
COPY config/nats.conf ./
# In a container the passwords come from the environment; the rights stay those of the file. One password a user, or
# the build fails: a rule that no longer matches must not leave a literal behind.
RUN sed -E 's/password: (worker|client|operator)$/password: $\U\1_PASSWORD/' nats.conf >/out/nats.conf \
    && test "$(grep -c 'user: ' /out/nats.conf)" = "$(grep -c 'password: \$[A-Z]*_PASSWORD$' /out/nats.conf)"

FROM base AS nats
COPY --from=nats-build /out/nats-server /usr/local/bin/
COPY --from=nats-build /out/nats.conf /etc/nats/
USER 10001:10001
EXPOSE 4222
ENTRYPOINT ["nats-server", "--config", "/etc/nats/nats.conf"]
# The file's address is the developer's machine; in a container that would be the container alone.
CMD ["--addr", "0.0.0.0", "--jetstream", "--store_dir", "/data"]

# ONNX Runtime, by the same pins and tools as `make setup`.
FROM ${PYTHON_IMAGE} AS setup
WORKDIR /src
COPY tools/pins.json tools/requirements.txt tools/setup.py tools/setup_model.py tools/export_minilm.py tools/
# The venv first: it brings the pip that the others download with, which not every base image has.
RUN python3 tools/setup.py venv && python3 tools/setup.py onnxruntime

# The model, likewise.
FROM setup AS model
# Where another hub answers for the public one.
ARG HF_ENDPOINT
RUN python3 tools/setup.py model
COPY tools/lock_model.py tools/
RUN python3 tools/lock_model.py >/models.lock

# Puts the model into a volume and ends. The weights are no part of the worker's image: they change at another pace,
# all workers of a machine share one copy, and a volume can hold further models. They are part of an image and not
# downloaded at start, so that what was built runs where there is no internet.
FROM base AS models
COPY --from=model /src/.setup/hub /usr/local/share/models
COPY tools/fill_models.sh /usr/local/bin/
USER 10001:10001
ENTRYPOINT ["fill_models.sh", "/usr/local/share/models", "/models"]

FROM ${RUST_IMAGE} AS worker-build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY worker worker
COPY schemas schemas
COPY config config
COPY tools/build_shipped.sh tools/
# The target folder is a cache, which no later step sees: the program is copied out of it. Cargo goes by times, and a
# copied file keeps its own: one that was edited while an earlier build ran would count as built.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    find worker schemas config -type f -exec touch {} + && tools/build_shipped.sh \
    && install -D target/shipped/fastembed-worker /out/fastembed-worker

FROM base AS worker
COPY --from=worker-build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=setup /src/.setup/onnxruntime/lib/libonnxruntime.so /usr/local/lib/
COPY --from=setup /src/.setup/onnxruntime/LICENSE /src/.setup/onnxruntime/ThirdPartyNotices.txt /usr/local/share/doc/onnxruntime/
COPY LICENSE /usr/local/share/doc/fastembed-worker/
COPY --from=worker-build /out/fastembed-worker /usr/local/bin/
# Pins of the model that the image `models` of the same build carries; FASTEMBED_RUNTIME_LOCKED=true loads nothing else.
COPY --from=model /models.lock /etc/fastembed/
ENV ORT_DYLIB_PATH=/usr/local/lib/libonnxruntime.so HF_HOME=/models HF_HUB_OFFLINE=1 \
    FASTEMBED_RUNTIME_LOCK=/etc/fastembed/models.lock
USER 10001:10001
EXPOSE 9464
ENTRYPOINT ["fastembed-worker"]
CMD ["serve"]
