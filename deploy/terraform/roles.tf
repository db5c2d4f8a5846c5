# What the service may do is written in deploy/roles, one file a role: gcloud.sh and the tests read the same files.
locals {
  modes     = concat([try(yamldecode(var.policy).mode, "")], [for over in try(yamldecode(var.policy).overrides, []) : try(over.mode, "")])
  deletions = var.deletions == null ? contains(local.modes, "enforce") : var.deletions
  role_files = merge(
    { egressReconciler = "egress-reconciler.yaml" },
    local.deletions ? { egressReconcilerDeletions = "egress-reconciler-deletions.yaml" } : {},
    var.create_network ? { egressReconcilerNetwork = "egress-reconciler-network.yaml" } : {},
  )
  roles  = { for id, file in local.role_files : id => yamldecode(file("${local.deploy}/roles/${file}")) }
  grants = { for pair in setproduct(local.places, keys(local.roles)) : join("/", pair) => { project = pair[0], role = pair[1] } }
}

resource "google_project_iam_custom_role" "this" {
  for_each = local.grants

  project     = each.value.project
  role_id     = each.value.role
  title       = local.roles[each.value.role].title
  description = local.roles[each.value.role].description
  stage       = local.roles[each.value.role].stage
  permissions = local.roles[each.value.role].includedPermissions
}

resource "google_project_iam_member" "runtime" {
  for_each = local.grants

  project = each.value.project
  role    = google_project_iam_custom_role.this[each.key].name
  member  = google_service_account.runtime.member
}
