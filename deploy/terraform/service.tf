resource "google_secret_manager_secret" "policy" {
  project   = var.project
  secret_id = "${var.name}-policy"

  replication {
    auto {}
  }

  depends_on = [google_project_service.home]
}

# A policy that is not right is refused here: the service would start with it, and do nothing.
resource "terraform_data" "policy_check" {
  count = var.check_policy ? 1 : 0

  triggers_replace = sha256(var.policy)

  provisioner "local-exec" {
    command     = "printf '%s' \"$POLICY\" | egress-reconciler policy check -"
    environment = { POLICY = var.policy }
  }
}

resource "google_secret_manager_secret_version" "policy" {
  secret      = google_secret_manager_secret.policy.id
  secret_data = var.policy
  depends_on  = [terraform_data.policy_check]
}

resource "google_secret_manager_secret_iam_member" "runtime" {
  project   = var.project
  secret_id = google_secret_manager_secret.policy.secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.runtime.member
}

resource "google_cloud_run_v2_service" "this" {
  count = var.image == null ? 0 : 1

  project  = var.project
  location = var.region
  name     = var.name
  # Pub/Sub, Eventarc and Cloud Scheduler of this project come in; no other caller does.
  ingress             = "INGRESS_TRAFFIC_INTERNAL_ONLY"
  deletion_protection = false

  template {
    service_account = google_service_account.runtime.email
    # A run takes 240 s, a request waits for at most 550 s.
    timeout = "600s"
    # Requests mostly wait for Google; more than these are answered 429 and come again.
    max_instance_request_concurrency = 250

    scaling {
      min_instance_count = 0
      max_instance_count = var.max_instances
    }

    containers {
      image = var.image
      args  = ["serve"]

      ports {
        container_port = 8080
      }

      dynamic "env" {
        for_each = local.environment

        content {
          name  = env.key
          value = env.value
        }
      }

      resources {
        limits = {
          cpu    = "1"
          memory = "512Mi"
        }
        # Every run is inside a request that waits for it, so no processor is needed between requests.
        cpu_idle          = var.cpu_idle
        startup_cpu_boost = true
      }

      startup_probe {
        period_seconds    = 1
        timeout_seconds   = 1
        failure_threshold = 30

        http_get {
          path = "/livez"
          port = 8080
        }
      }

      volume_mounts {
        name       = "policy"
        mount_path = "/policy"
      }
    }

    # The newest version, read again: to pause is to add a version.
    volumes {
      name = "policy"

      secret {
        secret = google_secret_manager_secret.policy.secret_id

        items {
          version = "latest"
          path    = "policy.yaml"
        }
      }
    }
  }

  depends_on = [
    google_secret_manager_secret_iam_member.runtime,
    google_secret_manager_secret_version.policy,
  ]
}

locals {
  environment = {
    EGRESS_POLICY         = "/policy/policy.yaml"
    EGRESS_AUTH           = "platform"
    EGRESS_AUDIENCE       = local.url
    EGRESS_CALLERS        = google_service_account.trigger.email
    EGRESS_ADMINS         = join(",", concat([google_service_account.trigger.email], var.admins))
    EGRESS_PRINCIPAL      = google_service_account.runtime.email
    EGRESS_REPORT_TOPIC   = google_pubsub_topic.reports.id
    EGRESS_MAX_CONCURRENT = "250"
    # Whose traces the lines of the log belong to.
    GOOGLE_CLOUD_PROJECT = var.project
  }

  # Who may call at all; what each may do, the service itself checks.
  callers = merge(
    { trigger = google_service_account.trigger.member },
    { for email in var.admins : email => endswith(email, "gserviceaccount.com") ? "serviceAccount:${email}" : "user:${email}" },
  )
}

resource "google_cloud_run_v2_service_iam_member" "callers" {
  for_each = var.image == null ? {} : local.callers

  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.this[0].name
  role     = "roles/run.invoker"
  member   = each.value
}
