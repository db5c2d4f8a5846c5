#!/usr/bin/env bash
# gcloud 528.0.0: `connectors create --subnet` also sends `network: default` and instance limits nobody asked for.
#
# What one would guess: the API takes either `network` with `ipCidrRange`, or `subnet`
# (https://cloud.google.com/vpc/docs/reference/vpcaccess/rest/v1/projects.locations.connectors), so that a command with
# only --subnet sends only `subnet`, and leaves the number of instances to the server.
# What is true: the request carries `"network": "default"` beside the subnet, and minInstances 2 and maxInstances 10. The
# network is the word "default" whatever network the subnet belongs to.
# For whom it matters: people who write a policy or an organization's custom constraint on `resource.network`, who read
# the audit entry of a creation to learn the connector's network, or who compare what gcloud made with Terraform (3).
set -euo pipefail

[[ $(gcloud version --format='value("Google Cloud SDK")') == 528.0.0 ]] || { echo "this finding is about gcloud 528.0.0" >&2; exit 1; }
work=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$work"' EXIT

cat >"$work/server.py" <<'PY'
"""Takes every request as Google would on success, and keeps the bodies of what creates."""
import http.server, json, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        name = "projects/p-demo-1/locations/europe-west2/connectors/conn"
        reply = {"name": name, "state": "READY"}
        if self.command == "POST":
            with open(sys.argv[1] + "/sent", "wb") as sent:
                sent.write(body)
            reply = {"name": "projects/p-demo-1/locations/europe-west2/operations/one", "done": True, "response": {"name": name}}
        out = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)
    do_GET = do_POST = answer
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

export CLOUDSDK_CONFIG=$work/config CLOUDSDK_CORE_PROJECT=p-demo-1 CLOUDSDK_AUTH_DISABLE_CREDENTIALS=true
export CLOUDSDK_CORE_DISABLE_PROMPTS=1 CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=true
port=$(<"$work/port")
export CLOUDSDK_API_ENDPOINT_OVERRIDES_VPCACCESS=http://127.0.0.1:$port/
gcloud compute networks vpc-access connectors create conn --region=europe-west2 --subnet=small >"$work/said" 2>&1 ||
  { cat "$work/said"; exit 1; }

echo "sent: $(<"$work/sent")"
python3 - "$work/sent" <<'PY'
import json, sys
sent = json.load(open(sys.argv[1]))
expected = {"maxInstances": 10, "minInstances": 2, "network": "default", "subnet": {"name": "small"}}
sys.exit(0 if sent == expected else f"changed: expected {expected}")
PY
echo "as seen: the word \"default\" as network, and 2 to 10 instances, beside a subnet alone"
