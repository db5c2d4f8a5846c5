#!/usr/bin/env bash
# gcloud 528.0.0: behind an HTTP proxy, `gcloud app` opens a CONNECT tunnel even to a plain-http endpoint; other commands do not.
#
# What one would guess: every gcloud command treats proxy/type=http alike. For an http:// endpoint override it sends
# `GET http://HOST/…` to the proxy, as RFC 9112 (section 3.2.2) has it, and CONNECT is for https alone.
# What is true: `gcloud compute networks list` does so. `gcloud app services list` still uses gcloud's copy of httplib2, which
# sends `CONNECT HOST:PORT` first, for http:// too. A proxy that refuses tunnels, or allows them to port 443 alone (as squid does
# by default), makes it crash: `gcloud crashed (HTTPError): (405, …)`. proxy/type=http_no_tunnel changes nothing.
# For whom it matters: whoever runs gcloud against a fake or an emulator behind a proxy, and whoever writes one.
set -euo pipefail

[[ $(gcloud version --format='value("Google Cloud SDK")') == 528.0.0 ]] || { echo "this finding is about gcloud 528.0.0" >&2; exit 1; }
work=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$work"' EXIT

cat >"$work/proxy.py" <<'PY'
"""A proxy that answers lists itself, refuses tunnels, and notes the form of each request."""
import http.server, sys

class Proxy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.note("GET of a whole URL" if self.path.startswith("http://") else "GET of a path")
        self.reply(200, b"{}")
    def do_CONNECT(self):
        self.note("CONNECT")
        self.reply(405, b"")
    def note(self, form):
        with open(sys.argv[1] + "/seen", "a") as seen:
            seen.write(form + "\n")
    def reply(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Proxy)
with open(sys.argv[1] + "/port", "w") as port:
    port.write(str(server.server_port))
server.serve_forever()
PY
python3 "$work/proxy.py" "$work" &
server=$!
for _ in {1..50}; do [[ -s $work/port ]] && break; sleep 0.1; done

port=$(<"$work/port")
export CLOUDSDK_PROXY_ADDRESS=127.0.0.1 CLOUDSDK_PROXY_PORT=$port
export CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE=http://127.0.0.1:$port/compute/v1/
export CLOUDSDK_API_ENDPOINT_OVERRIDES_APPENGINE=http://127.0.0.1:$port/appengine/
export CLOUDSDK_CONFIG=$work/config CLOUDSDK_CORE_PROJECT=p-demo-1 CLOUDSDK_AUTH_DISABLE_CREDENTIALS=true
export CLOUDSDK_CORE_DISABLE_PROMPTS=1 CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=true
form_of() {
  rm -f "$work/seen"
  timeout 60 gcloud "$@" --verbosity=error >"$work/said" 2>&1 </dev/null || true
  [[ -s $work/seen ]] || { echo "$*: no request came" >&2; cat "$work/said" >&2; exit 1; }
  head -n 1 "$work/seen"
}

for type in http http_no_tunnel; do
  export CLOUDSDK_PROXY_TYPE=$type
  compute=$(form_of compute networks list)
  app=$(form_of app services list)
  echo "proxy/type=$type: compute networks list sends: $compute; app services list sends: $app"
  [[ $compute == "GET of a whole URL" && $app == CONNECT ]] || { echo "changed" >&2; exit 1; }
done
grep -q "gcloud crashed (HTTPError)" "$work/said" || { echo "changed: it no longer crashes" >&2; exit 1; }
echo "as seen: gcloud app opens a tunnel for plain http, and crashes where it is refused"
