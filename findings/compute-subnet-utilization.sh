#!/usr/bin/env bash
# Compute API v1 and gcloud 528.0.0: how many addresses of a subnet are free is in the API, in no gcloud command.
#
# What one would guess: `gcloud compute networks subnets describe SUBNET` shows it, or a flag does, as the v1 API has the view
# WITH_UTILIZATION (subnetworks.get, list and aggregatedList), which says for each range what is allocated and what is free.
# What is true: google-cloud-compute 1.57.0 for Python has `views` in the three requests, and `utilization_details` in the
# answer. Of gcloud's own clients only the alpha one knows the view, and no command of any track sends it, alpha included.
# The numbers are int64 as text, and the range of the primary addresses has an empty name.
# For whom it matters: whoever runs Cloud Run with Direct VPC egress, which takes addresses in blocks of 16 and fails when a
# subnet has fewer: one has to call the API, `curl -H "Authorization: Bearer $(gcloud auth print-access-token)"
# "https://compute.googleapis.com/compute/v1/projects/P/regions/R/subnetworks/S?views=WITH_UTILIZATION"`.
set -euo pipefail

[[ $(gcloud version --format='value("Google Cloud SDK")') == 528.0.0 ]] || { echo "this finding is about gcloud 528.0.0" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet google-cloud-compute==1.57.0

api=$("$work/venv/bin/python" - <<'PY'
from google.cloud import compute_v1 as api

requests = [api.GetSubnetworkRequest, api.ListSubnetworksRequest, api.AggregatedListSubnetworksRequest]
subnet = api.Subnetwork.from_json(
    '{"utilizationDetails": {"ipv4Utilizations": [{"totalAllocatedIp": "36", "totalFreeIp": "24"}]}}')
primary = subnet.utilization_details.ipv4_utilizations[0]
print(sum("views" in request.meta.fields for request in requests), repr(primary.range_name), primary.total_free_ip)
PY
)
root=$(gcloud info --format='value(installation.sdk_root)')
clients=$root/lib/googlecloudsdk/generated_clients/apis/compute
knows() { if grep -q WITH_UTILIZATION "$clients/$1/compute_$1_messages.py"; then echo yes; else echo no; fi; }
tracks="v1 $(knows v1), beta $(knows beta), alpha $(knows alpha)"
lib=$root/lib/googlecloudsdk
places=("$root/lib/surface/compute" "$lib/command_lib/compute" "$lib/api_lib/compute")
commands=$({ grep -rlE --include='*.py' 'WITH_UTILIZATION|utilizationDetails' "${places[@]}" || true; } | wc -l)
echo "API v1: requests with views, name of the primary range, free: $api"
echo "gcloud's clients know the view: $tracks; commands and their libraries that use it: $commands"
[[ $api == "3 '' 24" ]] || { echo "changed: the API's client" >&2; exit 1; }
[[ $tracks == "v1 no, beta no, alpha yes" && $commands == 0 ]] || { echo "changed: gcloud" >&2; exit 1; }
echo "as seen: the API tells, gcloud does not"
