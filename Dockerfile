# Base images by digest: cloudbuild.yaml sets them; a plain `docker build` takes the tags.
ARG BUILDER=docker.io/library/rust:1.95-bookworm
ARG RUNTIME=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILDER} AS build
WORKDIR /src
# Dependencies first: a change of our own source does not build them again.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src && echo 'fn main() {}' > src/main.rs && touch src/lib.rs \
    && cargo build --release --locked && rm -rf src
COPY src src
RUN touch src/main.rs src/lib.rs && cargo build --release --locked

FROM ${RUNTIME}
COPY --from=build /src/target/release/egress-reconciler /usr/local/bin/egress-reconciler
USER nonroot
ENTRYPOINT ["/usr/local/bin/egress-reconciler"]
CMD ["serve"]
