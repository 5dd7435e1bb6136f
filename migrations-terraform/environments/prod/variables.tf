variable "region" {
  description = "AWS region of everything here."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "A region reads like eu-central-1."
  }
}

variable "account_id" {
  description = "The account that this may be applied to; any other is refused."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account id has 12 digits."
  }
}

variable "table_name" {
  description = "Name of the table."
  type        = string
  default     = "clinic"
}

variable "billing_mode" {
  description = "PAY_PER_REQUEST (on-demand), or PROVISIONED with autoscaling."
  type        = string
  default     = "PAY_PER_REQUEST"
}

variable "provisioned" {
  description = "Capacity with billing mode PROVISIONED: see modules/table."
  type = object({
    read               = optional(object({ initial = optional(number), min = optional(number, 10), max = optional(number, 1000) }), {})
    write              = optional(object({ initial = optional(number), min = optional(number, 10), max = optional(number, 1000) }), {})
    target_utilization = optional(number, 60)
  })
  default = {}
}

variable "on_demand_limits" {
  description = "The most request units per second with billing mode PAY_PER_REQUEST: see modules/table."
  type        = object({ read = number, write = number })
  default     = null
}

variable "service_trust" {
  description = "Who runs `clinic-api serve`: ECS tasks, Kubernetes service accounts (IRSA), or both."
  type = object({
    ecs_tasks = optional(bool, false)
    service_accounts = optional(list(object({
      oidc_provider_arn = string
      namespace         = string
      name              = string
    })), [])
  })

  validation {
    condition     = var.service_trust.ecs_tasks || length(var.service_trust.service_accounts) > 0
    error_message = "Somebody has to run the service: set ecs_tasks, or name a service account."
  }
}

variable "worker_trust" {
  description = "Who runs the stream worker, as in `service_trust`. The worker command comes with a later release; empty, there is no role for it."
  type = object({
    ecs_tasks = optional(bool, false)
    service_accounts = optional(list(object({
      oidc_provider_arn = string
      namespace         = string
      name              = string
    })), [])
  })
  default = {}
}

variable "backfill_principal_arns" {
  description = "Who may take on the backfill role. Empty but for the time of a migration."
  type        = list(string)
  default     = []
}

variable "stream_consumer" {
  description = "The stream's Lambda function: its package (see modules/stream-consumer), and whether it reads the stream. null, the default, until there is a package: then there is neither function nor mapping."
  type = object({
    package = object({
      path              = optional(string)
      s3_bucket         = optional(string)
      s3_key            = optional(string)
      s3_object_version = optional(string)
      s3_hash           = optional(string)
    })
    enabled                 = optional(bool, true)
    code_signing_config_arn = optional(string)
  })
  default = null
}

variable "alarm_topic_arn" {
  description = "SNS topic that is told of alarms."
  type        = string

  validation {
    condition     = can(regex("^arn:[^:]+:sns:[^:]+:[0-9]{12}:.+$", var.alarm_topic_arn))
    error_message = "An SNS topic's ARN reads arn:aws:sns:REGION:ACCOUNT:NAME."
  }
}

variable "alarm_thresholds" {
  description = "When alarms go off: see modules/alarms."
  type = object({
    throttled_per_minute                = optional(number, 0)
    system_errors_per_minute            = optional(number, 0)
    transaction_conflicts_per_5_minutes = optional(number, 200)
    user_errors_per_5_minutes           = optional(number)
    capacity_percent                    = optional(number, 80)
    iterator_age_minutes                = optional(number, 15)
  })
  default = {}
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary for all roles, where the account asks for one."
  type        = string
  default     = null
}

variable "tags" {
  description = "Further tags of everything."
  type        = map(string)
  default     = {}
}

variable "backup_retention_days" {
  description = "How long AWS Backup keeps the backup of each day, and that of each month's first day."
  type        = object({ daily = optional(number, 35), monthly = optional(number, 400) })
  default     = {}
}
