# The variables that an operator may set. null means the default of modules/environment, which also validates the values.

variable "region" {
  description = "AWS region of all resources."
  type        = string
}

variable "account_id" {
  description = "The only account to which this may be applied."
  type        = string
}

variable "tags" {
  description = "Further tags of all resources."
  type        = map(string)
  default     = {}
}

variable "table_name" {
  description = "Name of the table."
  type        = string
  default     = "clinic"
}

variable "billing_mode" {
  description = "PAY_PER_REQUEST (on-demand), or PROVISIONED with autoscaling."
  type        = string
  default     = null
}

variable "provisioned" {
  description = "Capacity with billing mode PROVISIONED: see modules/table."
  type        = any
  default     = null
}

variable "on_demand_limits" {
  description = "Maximum request units per second with billing mode PAY_PER_REQUEST: see modules/table."
  type        = any
  default     = null
}

variable "warm_throughput" {
  description = "Capacity that is available at once: see modules/table."
  type        = any
  default     = null
}

variable "service_trust" {
  description = "Principals that run `clinic-api serve`: see modules/environment."
  type        = any
}

variable "worker_trust" {
  description = "Principals that run `clinic-api worker`, as in `service_trust`."
  type        = any
}

variable "reseal_trust" {
  description = "Principals that run `clinic-api worker reseal-secrets`, as in `service_trust`. Set it only for a key rotation."
  type        = any
  default     = {}
}

variable "backfill_trust" {
  description = "Principals that run `clinic-api table backfill`, as in `service_trust`. Set it only for a migration or a rotation of the search keys."
  type        = any
  default     = {}
}

variable "backfill_principal_arns" {
  description = "Principals that may assume the backfill role. Set it only for a migration or a rotation of the search keys."
  type        = list(string)
  default     = []
}

variable "export_principal_arns" {
  description = "Principals that may assume the export role. Set it only for an export of patients."
  type        = list(string)
  default     = []
}

variable "restored_table_name" {
  description = "A restored table that the backfill role may check and repair. Set it only during a restore."
  type        = string
  default     = null
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary for all roles, if the account requires one."
  type        = string
  default     = null
}

variable "stream_consumer" {
  description = "The stream's Lambda function. Set it when you have a package: see modules/environment."
  type        = any
  default     = null
}

variable "alarm_topic_arn" {
  description = "SNS topic for alarms. For its policies, see modules/environment."
  type        = string
  nullable    = false
}

variable "alarm_thresholds" {
  description = "Thresholds of the alarms: see modules/alarms."
  type        = any
  default     = null
}

variable "backup_retention_days" {
  description = "How many days AWS Backup keeps the daily backups (35), and the backup of each month's first day (400)."
  type        = any
  default     = {}
  nullable    = false
}

variable "backup_copy_vault_arn" {
  description = "Vault in another account or region that gets a copy of each backup: see modules/backup."
  type        = string
  default     = null
}
