#!/usr/bin/env bash
# Google's Pub/Sub emulator 0.8.20: it takes 203 as an acknowledgement and 202 as a refusal, and asks again every second.
#
# What one would guess: as Google documents for push subscriptions (https://cloud.google.com/pubsub/docs/push), the codes
# 102, 200, 201, 202 and 204 acknowledge, every other code asks for the message again, after a growing pause.
# What is true: 202 does not acknowledge, 203 does, and a refused message comes again every second, without growing.
# For whom it matters: whoever tests a push endpoint against the emulator. An endpoint that answers 202 is called for ever
# there and once in production; one that answers 203 looks right there and is called again in production; and a test of
# how an endpoint bears redelivery sees far more of it than it would from Google.
set -euo pipefail

root=$(gcloud info --format='value(installation.sdk_root)')
jar=$root/platform/pubsub-emulator/lib/cloud-pubsub-emulator-0.8.20-all.jar
[[ -f $jar ]] || { echo "this finding is about the emulator 0.8.20 of gcloud's component pubsub-emulator" >&2; exit 1; }
command -v java >/dev/null || { echo "the emulator needs java" >&2; exit 1; }
work=$(mktemp -d)
trap 'kill "${emulator:-}" 2>/dev/null || true; rm -rf "$work"' EXIT

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
java -jar "$jar" --host=127.0.0.1 --port="$port" >"$work/log" 2>&1 &
emulator=$!

python3 - "$port" <<'PY'
"""One topic and one push subscription for each code; how often each endpoint is called within five seconds."""
import http.server, json, threading, time, sys, urllib.request

base, calls = f"http://127.0.0.1:{sys.argv[1]}/v1/projects/p-demo-1", {}

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        code = int(self.path.strip("/"))
        calls.setdefault(code, []).append(time.monotonic())
        self.send_response(code)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass

endpoint = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=endpoint.serve_forever, daemon=True).start()

def send(method, path, body):
    request = urllib.request.Request(base + path, json.dumps(body).encode(), {"content-type": "application/json"}, method=method)
    return urllib.request.urlopen(request, timeout=5).read()

for attempt in range(100):
    try:
        send("PUT", "/topics/upper", {})
        break
    except OSError:
        time.sleep(0.2)
else:
    sys.exit("the emulator does not come up")

codes = [200, 201, 202, 203, 204, 206, 400]
for code in codes:
    send("PUT", f"/topics/of-{code}", {})
    send("PUT", f"/subscriptions/of-{code}", {
        "topic": f"projects/p-demo-1/topics/of-{code}",
        "pushConfig": {"pushEndpoint": f"http://127.0.0.1:{endpoint.server_port}/{code}"},
    })
for code in codes:
    send("POST", f"/topics/of-{code}:publish", {"messages": [{"data": "aGVsbG8="}]})
time.sleep(6)
seen = {code: list(times) for code, times in calls.items()}
acknowledged = [code for code in codes if len(seen.get(code, [])) == 1]
again = [code for code in codes if len(seen.get(code, [])) >= 4]
pauses = [round(b - a, 1) for a, b in zip(seen[400], seen[400][1:])]
print("acknowledged:", *acknowledged)
print("asked again: ", *again)
print("pauses between calls that were answered 400, in seconds:", *pauses)
if acknowledged != [200, 201, 203, 204] or again != [202, 206, 400]:
    sys.exit("changed: other codes acknowledge")
if max(pauses) > 2 * min(pauses) or max(pauses) > 1.6:
    sys.exit("changed: the pauses grow")
PY
echo "as seen: 203 acknowledges, 202 does not, and the pause stays at about a second"
