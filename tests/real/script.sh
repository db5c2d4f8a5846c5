#!/usr/bin/env bash
# A way out for a Cloud Run job: network, /28 subnet, connector, router with NAT, and the job. What is there stays.
set -euo pipefail

region=europe-west2
network=jobs-vpc
subnet=jobs-connector
connector=jobs-conn
router=jobs-router
nat=jobs-nat

# missing WHAT...: whether gcloud cannot describe it. Any failure but its absence shows when it is then made.
missing() { ! gcloud "$@" >/dev/null 2>&1; }

if missing compute networks describe "$network"; then
  gcloud compute networks create "$network" --subnet-mode=custom
fi

if missing compute networks subnets describe "$subnet" --region="$region"; then
  # A connector wants exactly a /28, for itself.
  gcloud compute networks subnets create "$subnet" --network="$network" --range=10.10.0.0/28 --region="$region"
fi

if missing compute networks vpc-access connectors describe "$connector" --region="$region"; then
  # The subnet says which network it is.
  gcloud compute networks vpc-access connectors create "$connector" --region="$region" --subnet="$subnet" \
    --min-instances=2 --max-instances=3 --machine-type=e2-micro
fi

if missing compute routers describe "$router" --region="$region"; then
  gcloud compute routers create "$router" --network="$network" --region="$region"
fi

if missing compute routers nats describe "$nat" --router="$router" --region="$region"; then
  gcloud compute routers nats create "$nat" --router="$router" --region="$region" \
    --auto-allocate-nat-external-ips --nat-all-subnet-ip-ranges --enable-logging
fi

gcloud run jobs deploy my-job --image=gcr.io/demo-project/my-image --region="$region" --vpc-connector="$connector" \
  --vpc-egress=all-traffic --memory=512Mi --cpu=1 --task-timeout=5m --max-retries=3
