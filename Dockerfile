# The image: one static binary and the certificates it trusts. It writes nothing, so its root may be read-only
# (docker run --read-only), and it runs as nobody.
#
# Base images by digest: --build-arg=BUILDER=…@sha256:…; cloudbuild.yaml hands on its substitutions.
ARG BUILDER=docker.io/library/rust:1.95-alpine

FROM ${BUILDER} AS deps
# What the TLS library is built with, and the certificates.
RUN apk add --no-cache musl-dev gcc g++ make cmake perl linux-headers ca-certificates
WORKDIR /src
# Dependencies first: a change of our own source does not build them again.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src && echo 'fn main() {}' > src/main.rs && touch src/lib.rs \
    && cargo build --release --locked && rm -rf src

FROM deps AS build
ARG COMMIT=
COPY src src
RUN touch src/main.rs src/lib.rs && EGRESS_COMMIT="${COMMIT}" cargo build --release --locked
RUN mkdir -p /image/etc/ssl/certs /image/usr/local/bin \
    && cp target/release/egress-reconciler /image/usr/local/bin/ \
    && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
    && /image/usr/local/bin/egress-reconciler --version \
    && size=$(du -sk /image | cut -f1) && echo "the image has ${size} KiB" && test "${size}" -le 20480

FROM scratch
COPY --from=build /image /
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/egress-reconciler"]
CMD ["serve"]
