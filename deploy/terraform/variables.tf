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
}

variable "image" {
  description = "Image of the service, by digest where you can. Without one, all but the service itself is made, so that the image can be built."
  type        = string
  default     = null
}

variable "name" {
  description = "What everything but the roles is named after; the roles are a project's, shared by all installations there."
  type        = string
  default     = "egress-reconciler"

  validation {
    condition     = can(regex("^[a-z][-a-z0-9]{0,20}[a-z0-9]$", var.name))
    error_message = "2 to 22 lower-case letters, digits and inner hyphens: accounts named after it may have 30 characters."
  }
}

variable "deletions" {
  description = "Whether the service may delete what it made: needed for mode enforce, connector.repair and connector.prune."
  type        = bool
  default     = false
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
  description = "Maximum number of instances. Budgets and write locks are kept in memory, so more than one may exceed them."
  type        = number
  default     = 1
}

variable "cpu_idle" {
  description = "Whether the processor is taken away between requests. A changed policy is then read while the next requests are worked on; one run may still go by the old one."
  type        = bool
  default     = true
}

variable "sweep_schedule" {
  description = "When everything is looked at, as a cron line."
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
