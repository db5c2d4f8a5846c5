# Where images are kept, and what Cloud Build may do with cloudbuild.yaml.
resource "google_artifact_registry_repository" "this" {
  project       = var.project
  location      = var.region
  repository_id = var.name
  format        = "DOCKER"

  depends_on = [google_project_service.home]
}

resource "google_artifact_registry_repository_iam_member" "build" {
  project    = var.project
  location   = var.region
  repository = google_artifact_registry_repository.this.name
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}

resource "google_project_iam_member" "build" {
  for_each = toset([
    "roles/logging.logWriter",
    # The source that gcloud uploads, and the SBOM beside the image.
    "roles/storage.admin",
    "roles/containeranalysis.notes.editor",
    "roles/containeranalysis.occurrences.editor",
  ])

  project = var.project
  role    = each.value
  member  = google_service_account.build.member
}

# To deploy is to let the service run as its account.
resource "google_service_account_iam_member" "build_deploys" {
  service_account_id = google_service_account.runtime.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.build.member
}

resource "google_cloud_run_v2_service_iam_member" "build_deploys" {
  count = var.image == null ? 0 : 1

  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.this[0].name
  role     = "roles/run.developer"
  member   = google_service_account.build.member
}
