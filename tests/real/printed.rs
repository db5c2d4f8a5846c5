//! The gcloud commands that the README, the operations guide and the program's hints print, and those that people say
//! beside them, against the simulated Google.

use std::{env, fs};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::gcloud::Gcloud;

const COMPUTE: &str = "https://www.googleapis.com/compute/v1";

/// A project below an organization with a firewall policy, with a version of App Engine, where everybody may everything.
fn gcloud() -> (Gcloud, TempDir) {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/world.json");
    let mut world: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    world["projects"]["demo-project"] = json!({"number": "123456789012"});
    let everything = json!({"destIpRanges": ["0.0.0.0/0"], "layer4Configs": [{"ipProtocol": "all"}]});
    let resources = &mut world["resources"];
    resources["compute.firewallPolicies"] = json!([{
        "name": "123456789",
        "selfLink": format!("{COMPUTE}/locations/global/firewallPolicies/123456789"),
        "rules": [{"priority": 1000, "action": "deny", "direction": "EGRESS", "match": everything}],
        "associations": [{"name": "all", "attachmentTarget": "organizations/34"}],
    }]);
    resources["appengine.apps"] = json!([{"name": "apps/demo-project", "id": "demo-project"}]);
    resources["appengine.services"] = json!([{"name": "apps/demo-project/services/web", "id": "web"}]);
    resources["appengine.versions"] = json!([{"name": "apps/demo-project/services/web/versions/v1", "id": "v1"}]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("world.json");
    fs::write(&path, world.to_string()).unwrap();
    (Gcloud::with(&["--world", path.to_str().unwrap()]), folder)
}

/// What the simulated Google once refused, and Google takes; and the other way round.
#[test]
fn what_google_takes_and_what_it_refuses() {
    let (gcloud, folder) = gcloud();
    let deny = "compute firewall-rules create deny-c-egress --network=my-vpc --direction=EGRESS --action=DENY --rules=all \
                '--description=managed-by=egress-reconciler for=projects/demo-project/locations/europe-west2/connectors/C'";
    let job = folder.path().join("job.yaml");
    let text = json!({
        "apiVersion": "run.googleapis.com/v1",
        "kind": "Job",
        "metadata": {"name": "written", "annotations": {"run.googleapis.com/no-such-setting": "kept"}},
        "spec": {"template": {
            "metadata": {"annotations": {"run.googleapis.com/no-such-template": "kept"}},
            "spec": {"template": {"spec": {"containers": [{"image": "gcr.io/demo-project/image"}]}}},
        }},
    });
    fs::write(&job, text.to_string()).unwrap();
    let replace = format!("run jobs replace {} --region=europe-west2", job.display());
    let kept = &["no-such-setting: kept", "no-such-template: kept"];
    let static_nat = |pool: &str| {
        format!(
            "compute routers nats create nat --router=router --region=europe-west2 --nat-all-subnet-ip-ranges --nat-external-ip-pool={pool}"
        )
    };
    gcloud.hold(&[
        ("compute networks create old --subnet-mode=legacy --range=10.240.0.0/16", 1, &["Creation of legacy mode networks is deprecated."]),
        ("compute routers create router --network=my-vpc --region=europe-west2 --description=managed-by=egress-reconciler", 0, &[]),
        (&static_nat("none"), 1, &["regions/europe-west2/addresses/none' was not found"]),
        ("compute addresses create one two --region=europe-west2", 0, &["addresses/one]", "addresses/two]"]),
        (&static_nat("one"), 0, &["Creating NAT [nat]"]),
        ("compute routers nats update nat --router=router --region=europe-west2 --nat-external-ip-pool=one,none", 1, &["addresses/none' was not found"]),
        (deny, 0, &[]),
        ("compute firewall-rules create other --network=my-vpc --allow=tcp:443", 0, &[]),
        ("compute firewall-rules list '--filter=name~^deny- AND description~connectors/C$' --format=csv[no-heading](name)", 0, &["deny-c-egress\n"]),
        ("compute firewall-rules list --filter=egress --format=csv[no-heading](name)", 0, &["deny-c-egress\n"]),
        ("compute firewall-rules list --filter=description~managed-by=egress-reconciler --format=csv[no-heading](name)", 0, &["deny-c-egress\n"]),
        ("compute firewall-rules list '--filter=NOT direction=EGRESS' --format=csv[no-heading](name)", 0, &["other\n"]),
        ("compute networks list --filter=name=my-vpc --format=csv[no-heading](name)", 0, &["my-vpc\n"]),
        ("compute networks list --filter=name~^other", 0, &["Listed 0 items."]),
        ("compute networks subnets create sub --network=my-vpc --range=10.10.0.0/28 --region=europe-west2 --description=managed-by=egress-reconciler", 0, &[]),
        ("compute networks subnets create second --network=my-vpc --range=10.11.0.0/28 --region=europe-west2", 0, &[]),
        ("compute networks subnets list --filter=description~managed-by=egress-reconciler --format=csv[no-heading](name)", 0, &["sub\n"]),
        ("compute networks subnets list --filter=second --format=csv[no-heading](name)", 0, &["second\n"]),
        ("compute routers list --filter=description~managed-by=egress-reconciler --format=csv[no-heading](name)", 0, &["router\n"]),
        ("compute routers list --filter=region:europe-west1", 0, &["Listed 0 items."]),
        ("compute routes list --filter=network=my-vpc --format=csv[no-heading](name)", 0, &["default-route\n"]),
        ("compute regions list --filter=name~west1 --format=csv[no-heading](name)", 0, &["europe-west1\n"]),
        ("compute firewall-rules delete deny-c-egress other", 0, &["firewalls/deny-c-egress]", "firewalls/other]"]),
        ("compute firewall-rules delete other deny-c-egress", 1, &["firewalls/other' was not found", "firewalls/deny-c-egress' was not found"]),
        ("compute networks subnets delete sub second --region=europe-west2", 0, &["subnetworks/sub]", "subnetworks/second]"]),
        ("projects list", 0, &["demo-project", "123456789012"]),
        ("projects list --filter=projectId:demo*", 0, &["123456789012"]),
        ("projects list --filter=projectId:other*", 0, &["Listed 0 items."]),
        ("run jobs deploy job --image=gcr.io/demo-project/image --region=europe-west2", 0, &[]),
        ("run jobs execute job --region=europe-west2", 0, &["has successfully started running"]),
        ("run jobs execute job --region=europe-west2 --wait --tasks=2 --args=a", 0, &["has successfully completed"]),
        ("run jobs executions list --job=job --region=europe-west2", 0, &["2 / 2", "1 / 1"]),
        ("run jobs describe job --region=europe-west2", 0, &["Executed 2 times"]),
        ("run jobs execute none --region=europe-west2", 1, &["none"]),
        (&replace, 0, &[]),
        ("run jobs describe written --region=europe-west2 --format=export", 0, kept),
        ("run jobs update written --region=europe-west2 --max-retries=1", 0, &[]),
        ("run jobs describe written --region=europe-west2 --format=export", 0, kept),
        ("run deploy web --image=gcr.io/demo-project/image --region=europe-west2 --no-allow-unauthenticated", 0, &[]),
        ("run services update web --region=europe-west2 --concurrency=10", 0, &["web-00002-sim"]),
        ("run services update web --region=europe-west2 --update-env-vars=A=b", 0, &["web-00003-sim"]),
        ("run services describe web --region=europe-west2 --format=export", 0, &["gcr.io/demo-project/image@sha256:", "containerConcurrency: 10"]),
        ("run revisions list --service=web --region=europe-west2", 0, &["web-00001-sim", "web-00003-sim"]),
        ("pubsub topics create events others", 0, &["topics/events]", "topics/others]"]),
        ("pubsub subscriptions create look --topic=events", 0, &[]),
        ("pubsub topics list-subscriptions events", 0, &["projects/demo-project/subscriptions/look"]),
        ("pubsub topics list-subscriptions others", 0, &["Listed 0 items."]),
    ]);
}

/// What is printed, with names filled in. Not here: `gcloud auth`, which asks Google's accounts and no API; `gcloud dns`,
/// which no variable of `simulate` points here; `gcloud beta run worker-pools update`, for which gcloud itself wants
/// credentials; and what the tests of the script and of the installation say.
#[test]
fn what_we_print_is_answered() {
    let (gcloud, folder) = gcloud();
    let file = folder.path().join("policy.yaml");
    fs::write(&file, "version: 1").unwrap();
    let file = file.display();
    let (create, add) = (
        format!("secrets create egress-reconciler-policy --data-file={file}"),
        format!("secrets versions add egress-reconciler-policy --data-file={file}"),
    );
    let role = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/roles/egress-reconciler.yaml");
    let role = |verb: &str| format!("iam roles {verb} egress_reconciler --project=demo-project --file={role}");
    let nobody = "The caller does not have permission";
    gcloud.hold(&[
        // README.md and deploy/operations.md.
        (&create, 0, &[]),
        (&add, 0, &["Created version [2]"]),
        ("secrets versions access 1 --secret=egress-reconciler-policy", 0, &["version: 1"]),
        ("scheduler jobs create http egress-reconciler-sweep --location=europe-west2 --uri=https://x.run.app/sweep '--schedule=*/10 * * * *'", 0, &[]),
        ("scheduler jobs pause egress-reconciler-sweep --location=europe-west2", 0, &["paused"]),
        ("scheduler jobs resume egress-reconciler-sweep --location=europe-west2", 0, &["resumed"]),
        ("scheduler jobs run egress-reconciler-sweep --location=europe-west2", 0, &[]),
        ("pubsub topics create egress-reconciler-reports egress-reconciler-events egress-reconciler-dead", 0, &[]),
        ("pubsub subscriptions create look --topic=egress-reconciler-reports --expiration-period=1d", 0, &[]),
        ("pubsub subscriptions pull look --auto-ack --limit=10 --format=value(message.data.decode(base64))", 0, &[]),
        ("pubsub subscriptions create events --topic=egress-reconciler-events --push-endpoint=https://x.run.app/events --push-auth-service-account=push-account@demo-project.iam.gserviceaccount.com --push-auth-token-audience=https://x.run.app --ack-deadline=600 --min-retry-delay=10s", 0, &[]),
        ("pubsub subscriptions modify-push-config events --push-endpoint=", 0, &[]),
        ("logging read 'jsonPayload.span.report=\"ID\"' --project=demo-project --format=value(timestamp,jsonPayload.message)", 0, &[]),
        ("logging read 'logName:\"compute.googleapis.com%2Ffirewall\" AND jsonPayload.rule_details.reference:\"watch-\"' --project=demo-project", 0, &[]),
        ("logging sinks create egress-reconciler-events pubsub.googleapis.com/projects/demo-project/topics/egress-reconciler-events --log-filter=x --organization=34", 1, &[nobody]),
        ("logging sinks describe egress-reconciler-events --organization=34 --format=value(writerIdentity)", 1, &[nobody]),
        // Hints: projects, roles and APIs.
        ("projects describe demo-project --format=value(projectNumber)", 0, &["123456789012"]),
        ("projects describe 123456789012 --format=value(projectId)", 0, &["demo-project"]),
        ("projects add-iam-policy-binding demo-project --member=user:me@example.com --role=roles/serviceusage.serviceUsageViewer", 0, &["me@example.com"]),
        (&role("create"), 0, &[]),
        (&role("update"), 0, &["includedPermissions"]),
        ("services enable compute.googleapis.com run.googleapis.com --project=demo-project", 0, &[]),
        ("org-policies list --project=demo-project", 0, &["Listed 0 items."]),
        ("org-policies describe run.allowedVPCEgress --effective --project=demo-project", 0, &["allowAll: true"]),
        ("app versions describe v1 --service=web --project=demo-project", 0, &["versions/v1"]),
        // Delivery.
        ("logging sinks create egress pubsub.googleapis.com/projects/demo-project/topics/egress-reconciler-events --log-filter=x", 0, &[]),
        ("logging sinks update egress --no-disabled --project=demo-project", 0, &["Updated"]),
        ("logging sinks update egress pubsub.googleapis.com/projects/demo-project/topics/egress-reconciler-dead --log-filter=y", 0, &["Updated"]),
        ("logging sinks update egress --no-disabled --folder=12", 1, &[nobody]),
        ("pubsub topics update egress-reconciler-events --clear-schema-settings --project=demo-project", 0, &["Updated topic"]),
        ("pubsub topics add-iam-policy-binding egress-reconciler-events --project=demo-project --member=user:me@example.com --role=roles/pubsub.publisher", 0, &["me@example.com"]),
        ("pubsub subscriptions update events --project=demo-project --push-endpoint=https://x.run.app/events --push-auth-service-account=push-account@demo-project.iam.gserviceaccount.com --push-auth-token-audience=https://x.run.app", 0, &["Updated"]),
        ("pubsub subscriptions update events --project=demo-project --ack-deadline=600", 0, &["Updated"]),
        ("pubsub subscriptions update events --project=demo-project --min-retry-delay=10s --max-retry-delay=600s", 0, &["Updated"]),
        ("pubsub subscriptions update events --project=demo-project --dead-letter-topic=egress-reconciler-dead --max-delivery-attempts=100", 0, &["Updated"]),
        ("pubsub subscriptions delete events --project=demo-project", 0, &["Deleted"]),
        // The network.
        ("compute networks create second --subnet-mode=custom --project=demo-project", 0, &[]),
        ("compute networks subnets create sub --network=my-vpc --range=10.10.0.0/28 --region=europe-west2", 0, &[]),
        ("compute networks subnets expand-ip-range sub --region=europe-west2 --prefix-length=27 --project=demo-project", 0, &["Updated"]),
        ("compute networks subnets describe sub --region=europe-west2 --project=demo-project", 0, &["10.10.0.0/27"]),
        ("compute networks subnets list --network=my-vpc --regions=europe-west2 --project=demo-project", 0, &["10.10.0.0/27"]),
        ("compute networks subnets delete sub --region=europe-west2 --project=demo-project", 0, &["Deleted"]),
        ("compute networks peerings list --network=my-vpc --project=demo-project", 0, &["Listed 0 items."]),
        ("network-connectivity internal-ranges delete range --project=demo-project", 1, &["internalRanges/range"]),
        ("compute routes create added --network=my-vpc --destination-range=0.0.0.0/0 --next-hop-gateway=default-internet-gateway --project=demo-project", 0, &["Created"]),
        ("compute routes list --project=demo-project", 0, &["added", "default-route"]),
        ("compute addresses create address --region=europe-west2 --project=demo-project", 0, &["Created"]),
        ("compute routers create egress --network=my-vpc --region=europe-west2", 0, &[]),
        ("compute routers list --regions=europe-west2 --project=demo-project", 0, &["egress"]),
        ("compute routers nats create egress-nat --router=egress --region=europe-west2 --auto-allocate-nat-external-ips --nat-all-subnet-ip-ranges", 0, &[]),
        ("compute routers nats update egress-nat --router=egress --nat-external-ip-pool=address --region=europe-west2 --project=demo-project", 0, &["Updating nat"]),
        ("compute routers describe egress --region=europe-west2 --project=demo-project", 0, &["addresses/address"]),
        ("compute routers get-status egress --region=europe-west2 --project=demo-project", 0, &["userAllocatedNatIps"]),
        ("compute routers nats delete egress-nat --router=egress --region=europe-west2 --project=demo-project", 0, &["Updated"]),
        ("logging read 'protoPayload.resourceName:\"routers/egress\" AND timestamp>=\"2026-01-01T12:00:00Z\"' --project=demo-project --format=value(protoPayload.methodName)", 0, &["v1.compute.routers.patch", "v1.compute.routers.insert"]),
        ("logging read 'protoPayload.metadata.vpcServiceControlsUniqueId=\"ID\"' --project=demo-project", 0, &[]),
        ("logging read 'resource.type=\"cloud_run_revision\" AND severity>=WARNING' --freshness=10m --project=demo-project", 0, &[]),
        // The firewall.
        ("compute firewall-rules create deny-conn-europe-west2-egress --network=my-vpc --direction=EGRESS --action=DENY --rules=all --description=managed-by=egress-reconciler", 0, &[]),
        ("compute firewall-rules update deny-conn-europe-west2-egress --disabled --project demo-project", 0, &["Updated"]),
        ("compute firewall-rules describe deny-conn-europe-west2-egress --project=demo-project", 0, &["disabled: true"]),
        ("compute firewall-rules list --project demo-project '--filter=name~^deny- AND description~managed-by=egress-reconciler'", 0, &["deny-conn-europe-west2-egress"]),
        ("compute network-firewall-policies create guard --global", 0, &[]),
        ("compute network-firewall-policies create guard --region=europe-west2", 0, &[]),
        ("compute network-firewall-policies rules describe 2147483647 --firewall-policy=guard --project=demo-project --global-firewall-policy", 0, &["goto_next"]),
        ("compute network-firewall-policies rules describe 2147483647 --firewall-policy=guard --project=demo-project --firewall-policy-region=europe-west2", 0, &["goto_next"]),
        ("compute network-firewall-policies rules describe 7 --firewall-policy=guard --project=demo-project --global-firewall-policy", 1, &["does not contain a rule at priority 7"]),
        ("compute firewall-policies rules describe 1000 --firewall-policy=123456789", 0, &["action: deny"]),
        ("compute network-firewall-policies get-effective-firewalls --network=my-vpc --region=europe-west2 --project=demo-project", 0, &["123456789"]),
        // Quotas, regions and workloads.
        ("compute project-info describe --project=demo-project --flatten=quotas --format=table(quotas.metric,quotas.usage,quotas.limit)", 0, &["FIREWALLS"]),
        ("compute regions describe europe-west2 --project=demo-project --flatten=quotas --format=table(quotas.metric,quotas.usage,quotas.limit)", 0, &["CPUS"]),
        ("compute regions list", 0, &["europe-west2"]),
        ("run regions list", 0, &["europe-west2"]),
        ("compute networks vpc-access locations list", 0, &["europe-west2"]),
        ("compute networks vpc-access connectors create conn --region=europe-west2 --network=my-vpc --range=10.12.0.0/28 --min-instances=2 --max-instances=3", 0, &[]),
        ("compute networks vpc-access connectors describe conn --region=europe-west2 --project=demo-project", 0, &["READY"]),
        ("run jobs deploy nightly --image=gcr.io/demo-project/image --region=europe-west2 --vpc-connector=conn --vpc-egress=all-traffic", 0, &[]),
        ("run jobs update nightly --project=demo-project --region=europe-west2 --clear-vpc-connector", 0, &[]),
        ("run jobs update nightly --project=demo-project --region=europe-west2 --network=my-vpc --subnet=wide", 0, &["has successfully been updated"]),
        ("run deploy web --image=gcr.io/demo-project/image --region=europe-west2 --no-allow-unauthenticated", 0, &[]),
        ("run services update web --project=demo-project --region=europe-west2 --network=my-vpc --subnet=wide", 0, &["web-00002-sim"]),
        ("compute networks vpc-access connectors delete conn --region=europe-west2 --project=demo-project", 0, &["Deleted connector [conn]."]),
    ]);
}
