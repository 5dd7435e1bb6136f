# What an operator may set. null is the default that modules/environment has, which also checks what is given.

variable "region" {
  description = "AWS region of everything here."
  type        = string
}

variable "account_id" {
  description = "The account that this may be applied to; any other is refused."
  type        = string
}

variable "tags" {
  description = "Further tags of everything."
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
  description = "The most request units per second with billing mode PAY_PER_REQUEST: see modules/table."
  type        = any
  default     = null
}

variable "service_trust" {
  description = "Who runs `clinic-api serve`: see modules/environment."
  type        = any
}

variable "worker_trust" {
  description = "Who runs the stream worker, as in `service_trust`."
  type        = any
  default     = null
}

variable "backfill_principal_arns" {
  description = "Who may take on the backfill role. Empty but for the time of a migration."
  type        = list(string)
  default     = []
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary for all roles, where the account asks for one."
  type        = string
  default     = null
}

variable "stream_consumer" {
  description = "The stream's Lambda function, once there is a package: see modules/environment."
  type        = any
  default     = null
}

variable "alarm_topic_arn" {
  description = "SNS topic that is told of alarms. Its policies: see modules/environment."
  type        = string
  nullable    = false
}

variable "alarm_thresholds" {
  description = "When alarms go off: see modules/alarms."
  type        = any
  default     = null
}

variable "backup_retention_days" {
  description = "How long AWS Backup keeps the backup of each day (35), and that of each month's first day (400)."
  type        = any
  default     = {}
  nullable    = false
}
