# `nullable = false`: an environment passes null for a variable that its operator did not set. It means the default here.
# `type = any`: the value is passed to the module that declares the type.

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
  description = "Maximum request units per second with billing mode PAY_PER_REQUEST: see modules/table."
  type        = object({ read = number, write = number })
  default     = null
}

variable "warm_throughput" {
  description = "Capacity that is available at once: see modules/table."
  type        = object({ read = number, write = number })
  default     = null
}

variable "recovery_period_in_days" {
  description = "Number of days for which the table can be restored to any second."
  type        = number
  default     = 35
}

variable "deletion_protection_enabled" {
  description = "Whether AWS prevents the deletion of the table."
  type        = bool
  default     = true
}

variable "table_tags" {
  description = "Tags of the table in addition to the provider's default tags."
  type        = map(string)
  default     = {}
}

variable "backup_retention_days" {
  description = "How long AWS Backup keeps the daily backups, and the backup of each month's first day. null: no backups."
  type        = object({ daily = optional(number, 35), monthly = optional(number, 400) })
  default     = null
}

variable "backup_copy_vault_arn" {
  description = "Vault in another account or region that gets a copy of each backup: see modules/backup."
  type        = string
  default     = null
}

variable "secret_recovery_window_days" {
  description = "How long a deleted secret can be restored: see modules/secret-keys."
  type        = number
  default     = 30
}

# Principals

variable "service_trust" {
  description = "Principals that run `clinic-api serve`: ECS tasks, Kubernetes service accounts with IRSA (`service_accounts`) or with EKS Pod Identity (`pod_identities`), or several of them."
  type = object({
    ecs_tasks = optional(bool, false)
    service_accounts = optional(list(object({
      oidc_provider_arn = string
      namespace         = string
      name              = string
    })), [])
    pod_identities = optional(list(object({
      cluster_arn = string
      namespace   = string
      name        = string
    })), [])
  })

  validation {
    condition     = var.service_trust.ecs_tasks || length(var.service_trust.service_accounts) + length(var.service_trust.pod_identities) > 0
    error_message = "The service needs a principal: set ecs_tasks, or name a service account."
  }
}

variable "worker_trust" {
  description = "Principals that run `clinic-api worker`, as in `service_trust`."
  type = object({
    ecs_tasks = optional(bool, false)
    service_accounts = optional(list(object({
      oidc_provider_arn = string
      namespace         = string
      name              = string
    })), [])
    pod_identities = optional(list(object({
      cluster_arn = string
      namespace   = string
      name        = string
    })), [])
  })

  validation {
    condition     = var.worker_trust.ecs_tasks || length(var.worker_trust.service_accounts) + length(var.worker_trust.pod_identities) > 0
    error_message = "The worker needs a principal: set ecs_tasks, or name a service account. Without its role no one reads the stream, and changes are lost after 24 hours. With a Lambda function the worker still sends the deliveries."
  }
}

variable "reseal_trust" {
  description = "Principals that run `clinic-api worker reseal-secrets`, as in `service_trust`. The role may read the whole table: set it only for a key rotation."
  type        = any
  default     = {}
  nullable    = false
}

variable "backfill_trust" {
  description = "Principals that run `clinic-api table backfill`, as in `service_trust`. The role may read the whole table: set it only for a migration or a rotation of the search keys."
  type        = any
  default     = {}
  nullable    = false
}

variable "backfill_principal_arns" {
  description = "Principals that may assume the backfill role. Set it only for a migration or a rotation of the search keys."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "export_principal_arns" {
  description = "Principals that may assume the export role, which may read the whole table. Set it only for an export of patients."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "restored_table_name" {
  description = "A restored table that the backfill role may check and repair, before it becomes `table_name`. Set it only during a restore."
  type        = string
  default     = null

  validation {
    condition     = var.restored_table_name == null || length(var.backfill_principal_arns) > 0
    error_message = "The rights on the restored table are those of the backfill role: set backfill_principal_arns too."
  }
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary for all roles, if the account requires one."
  type        = string
  default     = null
}

# Stream and alarms

variable "stream_consumer" {
  description = "The stream's Lambda function: its package, whether it reads the stream, its concurrency, and further settings such as CLINIC_API_AUDIT_RETENTION_DAYS (see modules/stream-consumer). null (default): there is neither function nor mapping."
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
  description = "SNS topic for alarms. null: alarms are only displayed. Its policy must allow sns:Publish for cloudwatch.amazonaws.com. An encrypted topic needs a customer-managed key whose policy allows kms:Decrypt and kms:GenerateDataKey* for cloudwatch.amazonaws.com: with the key alias/aws/sns no alarm arrives."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_topic_arn == null || can(regex("^arn:[^:]+:sns:[^:]+:[0-9]{12}:.+$", var.alarm_topic_arn))
    error_message = "An SNS topic ARN has the form arn:aws:sns:REGION:ACCOUNT:NAME."
  }
}

variable "alarm_thresholds" {
  description = "Thresholds of the alarms: see modules/alarms."
  type        = any
  default     = {}
  nullable    = false
}
