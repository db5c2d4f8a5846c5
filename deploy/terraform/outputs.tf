output "url" {
  description = "Address of the service, and the audience of its callers' tokens."
  value       = local.url
}

output "runtime_account" {
  description = "Account that the service runs as."
  value       = google_service_account.runtime.email
}

output "trigger_account" {
  description = "Account that delivers events and asks for sweeps."
  value       = google_service_account.trigger.email
}

output "build_account" {
  description = "Account for Cloud Build."
  value       = google_service_account.build.email
}

output "repository" {
  description = "Where images are kept: the prefix of the image's name."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.this.name}"
}

output "report_topic" {
  description = "Topic that reports are published to."
  value       = google_pubsub_topic.reports.id
}

output "event_topic" {
  description = "Topic that the sinks write to."
  value       = google_pubsub_topic.events.id
}

output "subscription" {
  description = "Push subscription that delivers events."
  value       = google_pubsub_subscription.events.id
}

output "dead_letters" {
  description = "Subscription that keeps the events that were given up."
  value       = google_pubsub_subscription.dead.id
}

output "policy_secret" {
  description = "Secret whose newest version is the policy."
  value       = google_secret_manager_secret.policy.secret_id
}
