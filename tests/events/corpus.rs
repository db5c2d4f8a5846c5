//! Entries and deliveries collected from public sources, where a checkout has them beside it: they are not ours to
//! carry.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use egress_reconciler::{
    domain::audit::entry::Entry,
    web::delivery::{Item, decode},
};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::{decide_read, scope};

const OWN: &str = "net-operator@acme-prod.iam.gserviceaccount.com";
const PROJECTS: &[&str] = &["acme-prod", "example-project", "fake-project", "some-project", "test-project"];

const RUN: &str = "act projects/acme-prod/locations/europe-west1";

/// (file, the decisions about its items)
const COMPOSED: &[(&str, &str)] = &[
    ("bad-body-empty.txt", "reject malformed"),
    ("bad-envelope-no-message.json", "ignore not-audit"),
    ("bad-logentry-no-protopayload.json", "reject malformed"),
    ("bad-logentry-no-region-anywhere.json", "reject no-region"),
    ("bad-pubsub-no-data.json", "no entry"),
    ("compute-beta-firewalls-insert-by-vpcaccess-agent-first.json", "ignore google-agent"),
    ("compute-firewalls-delete-last-ok.json", "act projects/acme-prod"),
    ("compute-firewalls-insert-last-failed-code3.json", "act projects/acme-prod"),
    ("compute-firewalls-patch-by-our-own-sa.json", "ignore own-change"),
    ("compute-routers-delete-last.json", RUN),
    ("compute-routers-patch-nat-first.json", "ignore operation-started"),
    ("http-cloudevent-batch-empty.json", ""),
    ("http-eventarc-binary-run-createjob.json", RUN),
    ("http-pubsub-push-unwrapped-metadata.json", RUN),
    ("http-pubsub-push-wrapped-run-createjob.json", RUN),
    ("log-split-part0.json", RUN),
    ("log-split-part1.json", RUN),
    ("odd-logentry-null-operation-int-severity.json", RUN),
    ("odd-logentry-org-level-logname.json", RUN),
    ("odd-logentry-other-project.json", "reject project-mismatch"),
    ("pubsub-pull-response-empty.json", "ignore not-audit"),
    ("pubsub-pull-response.json", "ignore not-audit"),
    ("run-systemevent-jobs-createjob-ready.json", RUN),
    ("run-systemevent-jobs-runjob-failed-code10.json", "ignore execution"),
    ("run-v1-jobs-createjob-annotations.json", RUN),
    ("run-v1-jobs-replacejob-full-connector.json", RUN),
    ("run-v1-jobs-updatejob-network-interfaces.json", RUN),
    ("run-v1-services-replaceservice-connector.json", RUN),
    ("run-v2-jobs-createjob-connector-namespaces-resourcename.json", RUN),
    ("run-v2-jobs-createjob-connector-not-in-request.json", RUN),
    ("run-v2-jobs-createjob-connector.json", RUN),
    ("run-v2-jobs-createjob-permissiondenied-code7.json", "ignore refused"),
    ("run-v2-jobs-createjob-validateonly.json", "ignore validate-only"),
    ("run-v2-jobs-deletejob.json", RUN),
    ("run-v2-jobs-updatejob-directvpc.json", RUN),
    ("vpcaccess-createconnector-first.json", "ignore operation-started"),
    ("vpcaccess-createconnector-last-ok.json", RUN),
    ("vpcaccess-createconnector-parent-resourcename.json", "ignore operation-started"),
    ("vpcaccess-deleteconnector-first.json", "ignore operation-started"),
    ("vpcaccess-v1beta1-updateconnector-first-snakecase.json", "ignore operation-started"),
];

const REAL: &[(&str, &str)] = &[
    ("c7n-autoscaler-insert.json", "ignore other-method"),
    ("c7n-bq-dataset-create.json", "ignore other-service"),
    ("c7n-iam-role-create.json", "reject out-of-scope"),
    ("c7n-instance-template-create.json", "ignore other-method"),
    ("c7n-k8s-create-pool.json", "ignore other-service"),
    ("c7n-kms-keyring-create.json", "ignore other-service"),
    ("c7n-log-create-project-sink.json", "ignore other-service"),
    ("c7n-ml-job-create.json", "ignore other-service"),
    ("cloudevent-structured-audit-bigquery-jobcompleted.json", "ignore data-access"),
    ("cloudevent-structured-pubsub-messagepublished.json", "no entry"),
    ("cloudevent-structured-storage-workflows.json", "ignore not-audit"),
    ("compute-setcommoninstancemetadata-first.json", "ignore other-method"),
    ("compute-setcommoninstancemetadata-last.json", "ignore other-method"),
    ("compute-systemevent-migrateonhostmaintenance.json", "ignore other-method"),
    ("dns-changes-create.json", "ignore other-service"),
    ("eventarc-2020-http-request-pubsub.json", "no entry"),
    ("eventarc-body-compute-instances-insert-last.json", "ignore other-method"),
    ("eventarc-body-storage-objects-create.json", "ignore data-access"),
    ("eventarc-minimal-body-only-resourcename.json", "ignore not-audit"),
    ("forseti-compute-subnetworks-enable-flow-logs.json", "act projects/example-project/locations/us-east1"),
    ("forseti-datafusion-create-instance.json", "ignore other-service"),
    ("forseti-pubsub-topic-set-iam-policy.json", "ignore other-service"),
    // Its log name was redacted into one that no log has.
    ("forseti-serviceusage-enable.json", "ignore other-log"),
    ("gce-logentrydata-bigquery-jobcompleted.json", "ignore data-access"),
    ("gce-logentrydata-monitoring-createtimeseries.json", "ignore data-access"),
    ("gce-schedulerjobdata-simple.json", "ignore not-audit"),
    ("gke-cluster-deletion-finished.json", "ignore other-service"),
    ("iam-createserviceaccount-orgpolicy-denied-code9.json", "ignore other-method"),
    ("nonaudit-cai-feed-subnetwork.json", "ignore not-audit"),
    // A log tool's own form, whose `logname` is no member of a log entry.
    ("panther-fw-created-appengine-firewall-create-should-alert.json", "ignore not-audit"),
    ("panther-fw-created-compute-firewalls-create-should-alert.json", "ignore not-audit"),
    ("panther-fw-deleted-appengine-firewall-delete-should-alert.json", "ignore not-audit"),
    ("panther-fw-modified-appengine-firewall-update-should-alert.json", "ignore not-audit"),
    ("panther-fw-modified-compute-firewalls-update-should-alert.json", "ignore not-audit"),
    ("panther-run-created-gcp-run-service-not-created.json", "reject no-region"),
    ("panther-run-iam-gcp-run-iam-policy-set.json", "ignore iam-policy"),
    ("panther-subnet-disable-flow-logs-event.json", "reject out-of-scope"),
    ("panther-subnet-enable-flow-logs-event.json", "act projects/test-project/locations/us-central1"),
    ("panther-vpcsc-other-event.json", "act projects/test-project/locations/us-central1"),
    ("plaso-01-beta-compute-networks-insert-last.json", "act projects/fake-project/global/networks/test"),
    ("plaso-02-beta-compute-networks-insert-first.json", "ignore operation-started"),
    ("plaso-03-v1-compute-firewalls-insert-last.json", "act projects/fake-project"),
    ("plaso-04-v1-compute-firewalls-insert-first.json", "ignore operation-started"),
    ("plaso-05-google-iam-admin-v1-createserviceaccount.json", "ignore other-method"),
    ("plaso-06-beta-compute-instances-insert-last.json", "ignore other-method"),
    ("plaso-07-beta-compute-instances-insert-first.json", "ignore other-method"),
    ("plaso-08-jsonpayload.json", "ignore not-audit"),
    ("plaso-11-google-iam-admin-v1-createserviceaccount.json", "ignore other-method"),
    ("policydenied-contextaware-no-methodname.json", "ignore policy-denied"),
    ("policydenied-vpcsc-storage-code7.json", "ignore policy-denied"),
    ("pubsub-push-non-audit-text.json", "no entry"),
    ("pubsub-push-wrapped-sink-audit-log-without-protopayload.json", "reject malformed"),
    ("storage-buckets-create.json", "ignore other-service"),
    ("storage-objects-get-dataaccess.json", "ignore data-access"),
];

fn corpus() -> Option<PathBuf> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/events");
    let found = corpus.is_dir();
    if !found {
        eprintln!("no corpus at {}: nothing to compare", corpus.display());
    }
    found.then_some(corpus)
}

#[test]
fn every_file_is_decided_as_the_table_says() {
    let Some(corpus) = corpus() else { return };
    for (folder, table) in [("composed", COMPOSED), ("real", REAL)] {
        let folder = corpus.join(folder);
        let files = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let files: BTreeSet<String> = files.filter(|name| name != "INDEX.md").collect();
        let listed: BTreeSet<String> = table.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(files, listed);
        let wrong: Vec<String> = table
            .iter()
            .map(|(name, expected)| (name, expected, decisions(&fs::read(folder.join(name)).unwrap())))
            .filter(|(_, expected, found)| found != *expected)
            .map(|(name, expected, found)| format!("{name}: expected {expected:?}, found {found:?}"))
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

/// Every entry of every file, by the file's name, with the decision about it; none without a corpus.
pub fn decided() -> Vec<(String, Value, String)> {
    let tables = corpus().into_iter().flat_map(|corpus| {
        [("composed", COMPOSED), ("real", REAL)].map(|(folder, table)| (corpus.join(folder), table))
    });
    let files = tables.flat_map(|(folder, table)| table.iter().map(move |(name, _)| (*name, folder.join(name))));
    files
        .flat_map(|(name, file)| {
            let entries = items(&fs::read(file).unwrap(), |item| match item {
                Item::Entry(entry) => Some((serde_json::from_str(entry.json()).unwrap(), judge(&entry))),
                Item::NoEntry | Item::Malformed(_) => None,
            });
            entries.into_iter().flatten().map(move |(entry, decision)| (name.to_owned(), entry, decision))
        })
        .collect()
}

fn items<T>(file: &[u8], mut each: impl FnMut(Item<'_>) -> T) -> Vec<T> {
    let (headers, body) = request(file);
    let mut items = Vec::new();
    decode(&headers, &body).unwrap().each(|item| items.push(each(item)));
    items
}

fn judge(entry: &Entry<'_>) -> String {
    decide_read(entry, &scope(PROJECTS, &[], &[("123456789012", "acme-prod")], None), OWN)
}

fn decisions(file: &[u8]) -> String {
    let decisions = items(file, |item| match item {
        Item::Entry(entry) => judge(&entry),
        Item::NoEntry => "no entry".to_owned(),
        Item::Malformed(reason) => format!("reject {}", reason.label()),
    });
    decisions.join(", ")
}

/// A file is a body, or a whole request as `{"headers": …, "body": …}`.
fn request(file: &[u8]) -> (HeaderMap, Vec<u8>) {
    let whole: Value = serde_json::from_slice(file).unwrap_or_default();
    let (Some(headers), Some(body)) = (whole["headers"].as_object(), whole.get("body")) else {
        return (HeaderMap::new(), file.to_vec());
    };
    // One recorded attribute's slash cannot stand in a header's name.
    let headers = headers.iter().filter_map(|(name, value)| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::from_str(value.as_str()?).ok()?))
    });
    (headers.collect(), body.to_string().into_bytes())
}
