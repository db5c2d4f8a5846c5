#!/usr/bin/env bash
# google-cloud-compute-v1 4.1.0 (Google's Rust client): two changes of a router that do not happen look as if they had.
#
# What one would guess: a PATCH whose body has `set_nats([])` removes the gateways of a router, as the REST call with
# `{"nats": []}` does (https://cloud.google.com/compute/docs/reference/rest/v1/routers/patch); and `until_done()` of an
# operation that failed is an `Err`, as it is in Google's other languages.
# What is true: an empty list is never written, so that the PATCH says nothing and Google changes nothing; and a failed
# operation is `Ok(operation)`: only `operation.to_result()` turns its error into an `Err`.
# For whom it matters: programs in Rust that take the last entry out of a list (NATs, ranges, tags: send the body yourself,
# or PUT the whole document), or that trust `?` after `until_done()`. Builds three crates: some minutes.
set -euo pipefail

command -v cargo >/dev/null || { echo "this finding needs cargo" >&2; exit 1; }
work=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$work"' EXIT
mkdir "$work/src"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "seen"
version = "0.0.0"
edition = "2024"

[dependencies]
google-cloud-auth = "=1.18.0"
google-cloud-compute-v1 = { version = "=4.1.0", default-features = false, features = ["default-rustls-provider", "routers"] }
google-cloud-lro = "=1.11.0"
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
TOML
cat >"$work/src/main.rs" <<'RUST'
use google_cloud_auth::credentials::anonymous;
use google_cloud_compute_v1::{client::Routers, model::Router};
use google_cloud_lro::Poller;

#[tokio::main]
async fn main() {
    let endpoint = std::env::args().nth(1).expect("an endpoint");
    let routers = Routers::builder().with_endpoint(endpoint).with_credentials(anonymous::Builder::new().build());
    let routers = routers.build().await.expect("a client");
    let patch = routers.patch().set_project("p-demo-1").set_region("europe-west2").set_router("router");
    let emptied = Router::new().set_description("emptied").set_nats(Vec::<google_cloud_compute_v1::model::RouterNat>::new());
    let ended = patch.set_body(emptied).poller().until_done().await;
    println!("until_done: {}", if ended.is_ok() { "Ok" } else { "Err" });
    println!("to_result: {}", if ended.is_ok_and(|operation| operation.to_result().is_ok()) { "Ok" } else { "Err" });
}
RUST
cat >"$work/server.py" <<'PY'
"""Takes a PATCH, keeps its body, and says that its operation has failed."""
import http.server, json, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.command == "PATCH":
            with open(sys.argv[1] + "/sent", "wb") as sent:
                sent.write(body)
        out = json.dumps({
            "kind": "compute#operation", "name": "operation-1", "status": "DONE", "progress": 100,
            "httpErrorStatusCode": 400, "httpErrorMessage": "BAD REQUEST",
            "error": {"errors": [{"code": "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", "message": "in use"}]},
        }).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)
    do_GET = do_PATCH = do_POST = answer
    def log_message(self, *_):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
with open(sys.argv[1] + "/port", "w") as port:
    port.write(str(server.server_port))
server.serve_forever()
PY
python3 "$work/server.py" "$work" &
server=$!
for _ in {1..50}; do [[ -s $work/port ]] && break; sleep 0.1; done
cargo run --quiet --manifest-path "$work/Cargo.toml" -- "http://127.0.0.1:$(<"$work/port")" | tee "$work/said"
echo "sent: $(<"$work/sent")"
[[ $(<"$work/sent") == '{"description":"emptied"}' ]] || { echo "changed: the empty list is sent" >&2; exit 1; }
[[ $(<"$work/said") == $'until_done: Ok\nto_result: Err' ]] || { echo "changed: a failed operation is an error" >&2; exit 1; }
echo "as seen: the empty list is not sent, and the failed operation is Ok"
