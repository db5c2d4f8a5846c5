locals {
  deploy = "${path.module}/.."

  # Cloud Run's address is known beforehand; it is also the audience of every token.
  # https://cloud.google.com/run/docs/triggering/https-request#deterministic
  url = "https://${var.name}-${data.google_project.this.number}.${var.region}.run.app"

  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"

  # Everywhere that the service looks and writes.
  places = toset(concat(var.projects, var.hosts))

  home_apis = [
    "artifactregistry.googleapis.com",
    "cloudbuild.googleapis.com",
    "cloudscheduler.googleapis.com",
    "containeranalysis.googleapis.com",
    "containerscanning.googleapis.com",
    "eventarc.googleapis.com",
    "iam.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
  ]

  place_apis = [
    "compute.googleapis.com",
    "run.googleapis.com",
    "serviceusage.googleapis.com",
    "vpcaccess.googleapis.com",
  ]
}

data "google_project" "this" {
  project_id = var.project
}

resource "google_project_service" "home" {
  for_each = toset(local.home_apis)

  project            = var.project
  service            = each.value
  disable_on_destroy = false
}

resource "google_project_service" "places" {
  for_each = { for pair in setproduct(local.places, local.place_apis) : join("/", pair) => pair }

  project            = each.value[0]
  service            = each.value[1]
  disable_on_destroy = false
}
