# `nullable = false`: null, which an environment passes for what its operator left out, means the default here.
# `type = any`: passed on to the module that has the type.

variable "name" {
  description = "Prefix of all names, such as clinic-api-prod."
  type        = string
}

# Table

variable "table_name" {
  description = "Name of the table."
  type        = string
}

variable "billing_mode" {
  description = "PAY_PER_REQUEST (on-demand), or PROVISIONED with autoscaling."
  type        = string
  default     = "PAY_PER_REQUEST"
  nullable    = false
}

variable "provisioned" {
  description = "Capacity with billing mode PROVISIONED: see modules/table."
  type        = any
  default     = {}
  nullable    = false
}

variable "on_demand_limits" {
  description = "The most request units per second with billing mode PAY_PER_REQUEST: see modules/table."
  type        = object({ read = number, write = number })
  default     = null
}

variable "recovery_period_in_days" {
  description = "How far back the table can be restored to any second."
  type        = number
  default     = 35
}

variable "deletion_protection_enabled" {
  description = "Whether AWS refuses to delete the table."
  type        = bool
  default     = true
}

variable "table_tags" {
  description = "Tags of the table, besides the provider's default tags."
  type        = map(string)
  default     = {}
}

variable "backup_retention_days" {
  description = "How long AWS Backup keeps the backup of each day, and that of each month's first day. null: there are none."
  type        = object({ daily = optional(number, 35), monthly = optional(number, 400) })
  default     = null
}

variable "secret_recovery_window_days" {
  description = "How long a deleted secret can be brought back: see modules/secret-keys."
  type        = number
  default     = 30
}

# Who may

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
  description = "Who runs the stream worker, as in `service_trust`. Empty, there is no role for it."
  type        = any
  default     = {}
  nullable    = false
}

variable "backfill_principal_arns" {
  description = "Who may take on the backfill role. Empty but for the time of a migration."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary for all roles, where the account asks for one."
  type        = string
  default     = null
}

# Stream and alarms

variable "stream_consumer" {
  description = "The stream's Lambda function: its package, whether it reads the stream, how many of it may run, and further settings, as CLINIC_API_AUDIT_RETENTION_DAYS (see modules/stream-consumer). null, the default, until there is a package: then there is neither function nor mapping."
  type = object({
    package = object({
      path              = optional(string)
      s3_bucket         = optional(string)
      s3_key            = optional(string)
      s3_object_version = optional(string)
      s3_hash           = optional(string)
    })
    enabled                 = optional(bool)
    code_signing_config_arn = optional(string)
    reserved_concurrency    = optional(number)
    parallelization_factor  = optional(number)
    environment             = optional(map(string))
  })
  default = null
}

variable "alarm_topic_arn" {
  description = "SNS topic that is told of alarms; null: alarms are only shown. Its policy must let cloudwatch.amazonaws.com do sns:Publish. If it is encrypted, it must be with a customer-managed key whose policy lets cloudwatch.amazonaws.com do kms:Decrypt and kms:GenerateDataKey*: with the key alias/aws/sns no alarm arrives."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_topic_arn == null || can(regex("^arn:[^:]+:sns:[^:]+:[0-9]{12}:.+$", var.alarm_topic_arn))
    error_message = "An SNS topic's ARN reads arn:aws:sns:REGION:ACCOUNT:NAME."
  }
}

variable "alarm_thresholds" {
  description = "When alarms go off: see modules/alarms."
  type        = any
  default     = {}
  nullable    = false
}
