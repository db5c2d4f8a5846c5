variable "project" {
  description = "Project in which the service itself runs."
  type        = string
}

variable "region" {
  description = "Region in which the service runs. It looks after every region of its policy from there."
  type        = string
}

variable "projects" {
  description = "Projects to reconcile: scope.projects of the policy."
  type        = list(string)

  validation {
    condition     = length(var.projects) > 0
    error_message = "Name at least one project: an empty scope means that nothing is reconciled."
  }
}

variable "hosts" {
  description = "Shared VPC host projects: scope.hosts of the policy."
  type        = list(string)
  default     = []
}

variable "policy" {
  description = "Text of the policy file. It becomes a version of the secret; the service reads the newest."
  type        = string

  validation {
    condition     = can(yamldecode(var.policy).version)
    error_message = "policy: expected the text of a policy file, such as file(\"policy.yaml\")."
  }

  validation {
    condition     = try(contains(["off", "report", "create", "enforce", false], yamldecode(var.policy).mode), false)
    error_message = "policy: mode: expected off, report, create or enforce."
  }
}

variable "check_policy" {
  description = "Whether a new policy is checked with `egress-reconciler policy check` before it becomes a version of the secret: needs the program on the PATH of whoever applies."
  type        = bool
  default     = true
}

variable "image" {
  description = "Image of the service, preferably by digest. If it is not set, everything except the service is created, so that the image can be built."
  type        = string
  default     = null
}

variable "name" {
  description = "Name of all resources except the roles; the roles are shared by all installations in a project."
  type        = string
  default     = "egress-reconciler"

  validation {
    condition     = can(regex("^[a-z][-a-z0-9]{0,20}[a-z0-9]$", var.name))
    error_message = "2 to 22 lower-case letters, digits and inner hyphens: accounts named after it may have 30 characters."
  }
}

variable "deletions" {
  description = "Whether the service may delete what it made: needed for mode enforce. By default, if the policy has that mode, here or in an override."
  type        = bool
  default     = null
}

variable "create_network" {
  description = "Whether the service may create the network: for a policy with network.create."
  type        = bool
  default     = false
}

variable "admins" {
  description = "E-mail addresses that may also sweep and read the state; the trigger account always may."
  type        = list(string)
  default     = []
}

variable "delivery" {
  description = "How events arrive: sink (a log sink, all methods in one filter) or eventarc (one trigger for each method)."
  type        = string
  default     = "sink"

  validation {
    condition     = contains(["sink", "eventarc"], var.delivery)
    error_message = "sink or eventarc."
  }
}

variable "sink_folder" {
  description = "Number of a folder whose projects' audit logs are delivered by one sink, in place of one sink for each project."
  type        = string
  default     = null
}

variable "sink_organization" {
  description = "Number of an organization whose projects' audit logs are delivered by one sink, in place of one sink for each project."
  type        = string
  default     = null
}

variable "eventarc_methods" {
  description = "With delivery eventarc: a regular expression for the methods that get a trigger. A location takes 500 triggers."
  type        = string
  default     = "^(google[.]|/|v1[.]|beta[.])"
}

variable "max_instances" {
  description = "Maximum number of instances. Budgets and write locks are kept in memory of each instance, so more than one instance can exceed the budgets and write at the same time."
  type        = number
  default     = 1
}

variable "cpu_idle" {
  description = "Whether CPU is allocated only during requests. A changed policy is then read while the next request is processed, so one run may still use the old policy."
  type        = bool
  default     = true
}

variable "sweep_schedule" {
  description = "Schedule of the sweep of all projects and regions, in cron format."
  type        = string
  default     = "*/10 * * * *"
}

variable "bigquery" {
  description = "Whether reports are also kept in a BigQuery table."
  type        = bool
  default     = false
}

variable "bigquery_location" {
  description = "Location of the BigQuery dataset; without one, the region of the service."
  type        = string
  default     = null
}

variable "notification_channels" {
  description = "Names of the notification channels that alerts go to."
  type        = list(string)
  default     = []
}
