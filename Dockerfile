# The image: one static binary and the certificates it trusts. It writes nothing, so its root may be read-only
# (docker run --read-only), and it runs as nobody.
#
# Base images by digest: --build-arg=BUILDER=…@sha256:…; cloudbuild.yaml hands on its substitutions. `.ci/image` builds
# it without a registry.
ARG BUILDER=docker.io/library/rust:1.95-slim-bookworm

FROM ${BUILDER} AS deps
# glibc 2.34 and later resolve names in a static binary too, by files and DNS: nothing is loaded from the empty root.
# Packed relocations, which glibc 2.36 and later read, take 0.8 MiB less.
# Randomness comes from the kernel's call, since there need be no /dev.
ENV RUSTFLAGS="-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs --cfg getrandom_backend=\"linux_getrandom\""
ENV CARGO_BUILD_TARGET=x86_64-unknown-linux-gnu CARGO_TARGET_DIR=/target
WORKDIR /src
# Dependencies first: a change of our own source does not build them again.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src && echo 'fn main() {}' > src/main.rs && touch src/lib.rs \
    && cargo build --profile dist --locked && rm -rf src

FROM deps AS build
ARG COMMIT=
COPY src src
RUN touch src/main.rs src/lib.rs && EGRESS_COMMIT="${COMMIT}" cargo build --profile dist --locked
RUN mkdir -p /image/etc/ssl/certs /image/usr/local/bin \
    && cp /target/x86_64-unknown-linux-gnu/dist/egress-reconciler /image/usr/local/bin/ \
    && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
    && /image/usr/local/bin/egress-reconciler --version \
    && size=$(du -sk /image | cut -f1) && echo "the image has ${size} KiB" && test "${size}" -le 20480

FROM scratch
COPY --from=build /image /
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/egress-reconciler"]
CMD ["serve"]
