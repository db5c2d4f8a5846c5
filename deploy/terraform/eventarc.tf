# Instead of a sink: one trigger for each method, since Eventarc takes no pattern. Those of networks and policies have
# the location `global`, which only a global trigger sees, along with all others. Events of other projects do not come
# this way.
locals {
  triggers = {
    for trigger in jsondecode(file("${local.deploy}/eventarc-triggers.json")) :
    substr(sha1("${trigger.serviceName}/${trigger.methodName}"), 0, 12) => trigger
    if var.delivery == "eventarc" && can(regex(var.eventarc_methods, trigger.methodName))
  }
}

resource "google_project_iam_member" "receives_events" {
  count = var.delivery == "eventarc" ? 1 : 0

  project = var.project
  role    = "roles/eventarc.eventReceiver"
  member  = google_service_account.trigger.member
}

resource "google_eventarc_trigger" "this" {
  for_each = var.image == null ? {} : local.triggers

  project         = var.project
  location        = "global"
  name            = "${var.name}-${each.key}"
  service_account = google_service_account.trigger.email

  matching_criteria {
    attribute = "type"
    value     = "google.cloud.audit.log.v1.written"
  }

  matching_criteria {
    attribute = "serviceName"
    value     = each.value.serviceName
  }

  matching_criteria {
    attribute = "methodName"
    value     = each.value.methodName
  }

  destination {
    cloud_run_service {
      service = google_cloud_run_v2_service.this[0].name
      region  = var.region
      path    = "/"
    }
  }

  depends_on = [google_project_iam_member.receives_events]
}

# Eventarc makes the subscriptions with a deadline of 10 s, and no setting of a trigger changes it. This needs gcloud.
resource "terraform_data" "deadline" {
  for_each = google_eventarc_trigger.this

  triggers_replace = each.value.transport[0].pubsub[0].subscription

  provisioner "local-exec" {
    command = "gcloud pubsub subscriptions update ${each.value.transport[0].pubsub[0].subscription} --ack-deadline=600 --min-retry-delay=10s --max-retry-delay=600s"
  }
}
