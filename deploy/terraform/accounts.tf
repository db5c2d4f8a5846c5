# What the service runs as.
resource "google_service_account" "runtime" {
  project      = var.project
  account_id   = var.name
  display_name = "${var.name}: the service"

  depends_on = [google_project_service.home]
}

# What Pub/Sub, Eventarc and Cloud Scheduler call it as.
resource "google_service_account" "trigger" {
  project      = var.project
  account_id   = "${var.name}-trigger"
  display_name = "${var.name}: delivers events and asks for sweeps"

  depends_on = [google_project_service.home]
}

# What Cloud Build builds and deploys as.
resource "google_service_account" "build" {
  project      = var.project
  account_id   = "${var.name}-build"
  display_name = "${var.name}: builds and deploys"

  depends_on = [google_project_service.home]
}

# Pub/Sub makes the tokens of the push subscription. In projects made after April 2021 it may do so anyway.
resource "google_service_account_iam_member" "pubsub_makes_tokens" {
  service_account_id = google_service_account.trigger.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = local.pubsub_agent

  # The first topic brings Pub/Sub's own account into being.
  depends_on = [google_pubsub_topic.events]
}
