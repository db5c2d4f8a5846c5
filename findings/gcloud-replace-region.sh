#!/usr/bin/env bash
# gcloud 528.0.0: `replace` of Cloud Run takes the region from a label of the file before it asks the configuration.
#
# What one would guess: the property run/region (or CLOUDSDK_RUN_REGION) is the region of every `gcloud run` command that
# has no --region, and a label of a document is data like any other.
# What is true: where the file has the label cloud.googleapis.com/location, which Cloud Run itself sets to tell where a
# resource is, its value is the region, and the property is not asked. `gcloud run services replace` lets --region
# overrule the label without a word; `gcloud beta run worker-pools replace` has no such flag, so that the only way to
# another region is to edit or drop the label. Only without it does the property count.
# For whom it matters: whoever takes a file with that label from one region and applies it to another with the
# region set in the environment, as a pipeline does: the first region is changed again, and the other one not at all.
set -euo pipefail

[[ $(gcloud version --format='value("Google Cloud SDK")') == 528.0.0 ]] || { echo "this finding is about gcloud 528.0.0" >&2; exit 1; }
work=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$work"' EXIT

cat >"$work/server.py" <<'PY'
"""A Cloud Run that accepts every document that is put, and keeps the host that it was put to."""
import http.server, json, sys, urllib.parse

class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        url = urllib.parse.urlsplit(self.path)
        if self.command == "PUT":
            with open(sys.argv[1] + "/put", "w") as put:
                put.write(url.hostname)
        kind, api = ("WorkerPool", "run.googleapis.com/v1") if "workerpools" in url.path else ("Service", "serving.knative.dev/v1")
        out = json.dumps({
            "apiVersion": api, "kind": kind,
            "metadata": {"name": "mailer", "namespace": "123456789", "generation": 1, "annotations": {}, "labels": {}},
            "spec": {"template": {"metadata": {}, "spec": {"containers": [{"image": "example.com/image"}]}}},
            "status": {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}]},
        }).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)
    do_GET = do_PUT = do_POST = answer
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
export CLOUDSDK_RUN_REGION=europe-west2

# document KIND API LABELS
document() {
  printf '{"apiVersion": "%s", "kind": "%s", "metadata": {"name": "mailer", "labels": %s, "annotations": ' "$2" "$1" "$3"
  printf '{"run.googleapis.com/launch-stage": "BETA"}}, "spec": {"template": {"spec": {"containers": [{"image": "example.com/image"}]}}}}'
}
# region COMMAND…: to which region the document of $work/file goes
region() {
  rm -f "$work/put"
  gcloud "$@" "$work/file" --async >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }
  sed 's/-run.example$//' "$work/put"
}

elsewhere='{"cloud.googleapis.com/location": "us-central1"}'
document Service serving.knative.dev/v1 "$elsewhere" >"$work/file"
service=$(region run services replace)
flag=$(region run services replace --region=europe-west2)
document WorkerPool run.googleapis.com/v1 "$elsewhere" >"$work/file"
pool=$(region beta run worker-pools replace)
gcloud beta run worker-pools replace "$work/file" --region=europe-west2 >"$work/said" 2>&1 && refused=no || refused=yes
document WorkerPool run.googleapis.com/v1 '{}' >"$work/file"
plain=$(region beta run worker-pools replace)

echo "run/region is $CLOUDSDK_RUN_REGION"
echo "service with the label us-central1:     $service, with --region=europe-west2: $flag"
echo "worker pool with the label us-central1: $pool, without a label: $plain; --region refused: $refused"
[[ $service == us-central1 && $pool == us-central1 ]] || { echo "changed: the label no longer comes before the property" >&2; exit 1; }
[[ $flag == europe-west2 && $plain == europe-west2 ]] || { echo "changed: the flag or the property no longer counts" >&2; exit 1; }
[[ $refused == yes ]] || { echo "changed: worker-pools replace takes a region" >&2; exit 1; }
echo "as seen: the file's label is the region, and run/region only without it"
