# Audit log → sink → topic → push subscription → POST /
locals {
  sinks_events = var.delivery == "sink"
  aggregated   = var.sink_folder != null || var.sink_organization != null
  sink_filter  = file("${local.deploy}/sink-filter.txt")
}

resource "google_pubsub_topic" "events" {
  project = var.project
  name    = "${var.name}-events"

  depends_on = [google_project_service.home]
}

resource "google_logging_project_sink" "events" {
  for_each = local.sinks_events && !local.aggregated ? local.places : []

  project                = each.value
  name                   = "${var.name}-events"
  destination            = "pubsub.googleapis.com/${google_pubsub_topic.events.id}"
  filter                 = local.sink_filter
  unique_writer_identity = true
}

resource "google_logging_folder_sink" "events" {
  count = local.sinks_events && var.sink_folder != null ? 1 : 0

  folder           = var.sink_folder
  name             = "${var.name}-events"
  destination      = "pubsub.googleapis.com/${google_pubsub_topic.events.id}"
  filter           = local.sink_filter
  include_children = true
}

resource "google_logging_organization_sink" "events" {
  count = local.sinks_events && var.sink_organization != null ? 1 : 0

  org_id           = var.sink_organization
  name             = "${var.name}-events"
  destination      = "pubsub.googleapis.com/${google_pubsub_topic.events.id}"
  filter           = local.sink_filter
  include_children = true
}

locals {
  writers = merge(
    { for project, sink in google_logging_project_sink.events : project => sink.writer_identity },
    { for index, sink in google_logging_folder_sink.events : "folder" => sink.writer_identity },
    { for index, sink in google_logging_organization_sink.events : "organization" => sink.writer_identity },
  )
}

resource "google_pubsub_topic_iam_member" "writers" {
  for_each = local.writers

  project = var.project
  topic   = google_pubsub_topic.events.name
  role    = "roles/pubsub.publisher"
  member  = each.value
}

resource "google_pubsub_subscription" "events" {
  project = var.project
  name    = "${var.name}-events"
  topic   = google_pubsub_topic.events.id
  # Also how long Pub/Sub waits for an answer.
  ack_deadline_seconds = 600

  push_config {
    push_endpoint = "${local.url}/"

    oidc_token {
      service_account_email = google_service_account.trigger.email
      audience              = local.url
    }
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  # As many as Pub/Sub allows: "come again" is an answer of ours, and a connector takes minutes.
  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead.id
    max_delivery_attempts = 100
  }

  # It never expires, though no events come.
  expiration_policy {
    ttl = ""
  }

  depends_on = [google_service_account_iam_member.pubsub_makes_tokens]
}

resource "google_pubsub_topic" "dead" {
  project = var.project
  name    = "${var.name}-dead"

  depends_on = [google_project_service.home]
}

# Keeps what was given up until deploy/gcloud.sh redrive delivers it again.
resource "google_pubsub_subscription" "dead" {
  project                    = var.project
  name                       = "${var.name}-dead"
  topic                      = google_pubsub_topic.dead.id
  ack_deadline_seconds       = 600
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = ""
  }
}

resource "google_pubsub_topic_iam_member" "pubsub_gives_up" {
  project = var.project
  topic   = google_pubsub_topic.dead.name
  role    = "roles/pubsub.publisher"
  member  = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "pubsub_gives_up" {
  project      = var.project
  subscription = google_pubsub_subscription.events.name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}
