# The guarantee that nothing stays unseen: everything is looked at, whatever events came or did not.
resource "google_cloud_scheduler_job" "sweep" {
  project  = var.project
  region   = var.region
  name     = "${var.name}-sweep"
  schedule = var.sweep_schedule
  # As long as the service takes at most.
  attempt_deadline = "600s"

  # The next sweep is the repeat.
  retry_config {
    retry_count = 0
  }

  http_target {
    http_method = "POST"
    uri         = "${local.url}/sweep"
    body        = base64encode("{}")
    headers     = { "Content-Type" = "application/json" }

    oidc_token {
      service_account_email = google_service_account.trigger.email
      audience              = local.url
    }
  }

  depends_on = [google_project_service.home]
}
