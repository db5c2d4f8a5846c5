#!/usr/bin/env bash
# gcloud 528.0.0: moving a Cloud Run job from a connector to Direct VPC in one command loses its egress setting.
#
# What one would guess: `gcloud run jobs update JOB --network=… --subnet=… --clear-vpc-connector --vpc-egress=all-traffic`
# replaces the connector by a network interface and sets egress to all-traffic, as each flag says.
# What is true: the document that is sent has the interface and no egress annotation at all, not even the one that
# --vpc-egress has just asked for. Cloud Run then uses its default, private-ranges-only, and traffic to the internet
# leaves by Google's addresses instead of the VPC's NAT: a partner's allow list refuses it. Without --clear-vpc-connector
# the connector's annotation stays beside the interface, which Cloud Run refuses, since a job has one or the other.
# For whom it matters: whoever moves jobs to Direct VPC by script. Two commands keep the setting: clear and set the
# interface first, --vpc-egress=all-traffic alone afterwards.
set -euo pipefail

[[ $(gcloud version --format='value("Google Cloud SDK")') == 528.0.0 ]] || { echo "this finding is about gcloud 528.0.0" >&2; exit 1; }
work=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$work"' EXIT

cat >"$work/server.py" <<'PY'
"""A Cloud Run with one job on a connector; the last document that was put is kept."""
import http.server, json, sys

KEYS = "run.googleapis.com/"
JOB = {
    "apiVersion": "run.googleapis.com/v1", "kind": "Job",
    "metadata": {"name": "nightly", "namespace": "123456789", "generation": 1, "annotations": {},
                 "labels": {"cloud.googleapis.com/location": "europe-west2"}},
    "spec": {"template": {
        "metadata": {"annotations": {KEYS + "vpc-access-connector": "conn", KEYS + "vpc-access-egress": "all-traffic"}},
        "spec": {"template": {"spec": {"containers": [{"image": "example.com/image"}]}}}}},
    "status": {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}]},
}

class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.command == "PUT":
            with open(sys.argv[1] + "/sent", "wb") as sent:
                sent.write(body)
        out = json.dumps(JOB).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)
    do_GET = do_PUT = answer
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

# gcloud puts the region before the host's name, so that the server has to be reached as a proxy.
port=$(<"$work/port")
export http_proxy=http://127.0.0.1:$port CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN=http://run.example/
export CLOUDSDK_CONFIG=$work/config CLOUDSDK_CORE_PROJECT=p-demo-1 CLOUDSDK_AUTH_DISABLE_CREDENTIALS=true
export CLOUDSDK_CORE_DISABLE_PROMPTS=1 CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=true
move() {
  rm -f "$work/sent"
  gcloud run jobs update nightly --region=europe-west2 "$@" >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }
}
annotations() {
  python3 - "$work/sent" <<'PY'
import json, sys
sent = json.load(open(sys.argv[1]))["spec"]["template"]["metadata"]["annotations"]
prefix = "run.googleapis.com/"
names = ["network-interfaces", "vpc-access-connector", "vpc-access-egress"]
print("; ".join(f"{name}: {sent[prefix + name]}" for name in names if prefix + name in sent))
PY
}

move --network=my-vpc --subnet=apps --clear-vpc-connector --vpc-egress=all-traffic
one=$(annotations)
move --network=my-vpc --subnet=apps --vpc-egress=all-traffic
kept=$(annotations)
echo "with --clear-vpc-connector:    $one"
echo "without --clear-vpc-connector: $kept"
interface='network-interfaces: [{"network": "my-vpc", "subnetwork": "apps"}]'
[[ $one == "$interface" ]] || { echo "changed: the egress setting is no longer lost" >&2; exit 1; }
[[ $kept == "$interface; vpc-access-connector: conn; vpc-access-egress: all-traffic" ]] ||
  { echo "changed: the connector no longer stays beside the interface" >&2; exit 1; }
echo "as seen: the egress setting is lost in the one case, the connector stays in the other"
