# Reports are JSON, with `before` and `after` as Google's own documents. Pub/Sub's schemas are Avro or protobuf, which
# cannot describe those, so the topic has none: the schema is deploy/report.schema.json.
resource "google_pubsub_topic" "reports" {
  project = var.project
  name    = "${var.name}-reports"

  depends_on = [google_project_service.home]
}

resource "google_pubsub_topic_iam_member" "runtime_reports" {
  project = var.project
  topic   = google_pubsub_topic.reports.name
  role    = "roles/pubsub.publisher"
  member  = google_service_account.runtime.member
}

resource "google_bigquery_dataset" "reports" {
  count = var.bigquery ? 1 : 0

  project    = var.project
  dataset_id = replace("${var.name}-reports", "-", "_")
  location   = coalesce(var.bigquery_location, var.region)
}

# https://cloud.google.com/pubsub/docs/bigquery#write_metadata
resource "google_bigquery_table" "reports" {
  count = var.bigquery ? 1 : 0

  project             = var.project
  dataset_id          = google_bigquery_dataset.reports[0].dataset_id
  table_id            = "reports"
  deletion_protection = false

  schema = jsonencode([
    { name = "subscription_name", type = "STRING", mode = "NULLABLE" },
    { name = "message_id", type = "STRING", mode = "NULLABLE" },
    { name = "publish_time", type = "TIMESTAMP", mode = "NULLABLE" },
    { name = "attributes", type = "JSON", mode = "NULLABLE" },
    { name = "data", type = "JSON", mode = "NULLABLE" },
  ])

  time_partitioning {
    type  = "DAY"
    field = "publish_time"
  }
}

resource "google_bigquery_table_iam_member" "pubsub_writes" {
  for_each = var.bigquery ? toset(["roles/bigquery.dataEditor", "roles/bigquery.metadataViewer"]) : []

  project    = var.project
  dataset_id = google_bigquery_dataset.reports[0].dataset_id
  table_id   = google_bigquery_table.reports[0].table_id
  role       = each.value
  member     = local.pubsub_agent
}

resource "google_pubsub_subscription" "bigquery" {
  count = var.bigquery ? 1 : 0

  project = var.project
  name    = "${var.name}-reports-bigquery"
  topic   = google_pubsub_topic.reports.id

  bigquery_config {
    table          = "${var.project}.${google_bigquery_dataset.reports[0].dataset_id}.${google_bigquery_table.reports[0].table_id}"
    write_metadata = true
  }

  expiration_policy {
    ttl = ""
  }

  depends_on = [google_bigquery_table_iam_member.pubsub_writes]
}
