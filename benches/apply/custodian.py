"""Runs Cloud Custodian's handler, unmodified, on each audit entry that comes on stdin; its client library asks the
endpoint that the argument names, without credentials."""

import json
import logging
import os
import sys

import google.auth
from google.auth.credentials import AnonymousCredentials
from googleapiclient import discovery
from googleapiclient.errors import HttpError

endpoint = sys.argv[1]
build = discovery.build
discovery.build = lambda **options: build(**options, client_options={"api_endpoint": endpoint})
google.auth.default = lambda *_, **__: (AnonymousCredentials(), os.environ["GOOGLE_CLOUD_PROJECT"])

from c7n_gcp import handler  # noqa: E402

logging.disable(logging.INFO)
print("ready", flush=True)
for line in sys.stdin:
    try:
        handler.run(json.loads(line))
    except HttpError as refused:
        # Its action sends its own `type` along, which is no field of a firewall rule.
        if "Unknown name" not in str(refused):
            raise
    print("ready", flush=True)
