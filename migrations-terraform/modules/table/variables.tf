variable "table_name" {
  description = "Name of the table; the service reads it from CLINIC_API_TABLE."
  type        = string
  default     = "clinic"

  validation {
    condition     = can(regex("^[a-zA-Z0-9_.-]{3,255}$", var.table_name))
    error_message = "A table's name has 3 to 255 letters, digits, `_`, `.` or `-`."
  }
}

variable "kms_key_arn" {
  description = "Customer-managed key that encrypts the table, its index, its stream and its backups."
  type        = string
}

variable "billing_mode" {
  description = "PAY_PER_REQUEST (on-demand), or PROVISIONED with autoscaling."
  type        = string
  default     = "PAY_PER_REQUEST"

  validation {
    condition     = contains(["PAY_PER_REQUEST", "PROVISIONED"], var.billing_mode)
    error_message = "The billing mode is PAY_PER_REQUEST or PROVISIONED."
  }
}

variable "provisioned" {
  description = "With billing mode PROVISIONED: capacity units of the table, and the same number for its index. `initial` (default: `min`) applies when the table is created or leaves on-demand: set it to the consumption at that time. Autoscaling keeps the capacity between `min` and `max`, with a target of `target_utilization` percent."
  type = object({
    read               = optional(object({ initial = optional(number), min = optional(number, 10), max = optional(number, 1000) }), {})
    write              = optional(object({ initial = optional(number), min = optional(number, 10), max = optional(number, 1000) }), {})
    target_utilization = optional(number, 60)
  })
  default = {}

  validation {
    condition     = alltrue([for range in [var.provisioned.read, var.provisioned.write] : range.min >= 1 && range.min <= coalesce(range.initial, range.min) && coalesce(range.initial, range.min) <= range.max])
    error_message = "Capacity must satisfy 1 <= min <= initial <= max."
  }

  validation {
    condition     = var.provisioned.target_utilization >= 20 && var.provisioned.target_utilization <= 90
    error_message = "DynamoDB accepts a target utilisation of 20 to 90 percent."
  }
}

variable "on_demand_limits" {
  description = "With billing mode PAY_PER_REQUEST: the maximum request units per second of the table, and the same number for its index. It limits cost: DynamoDB throttles requests above it. null sets no limit; `-1` removes an existing one."
  type        = object({ read = number, write = number })
  default     = null
}

variable "warm_throughput" {
  description = "Read and write units per second that the table, and its index, must serve at once, for example before a migration to this service. AWS charges for each increase once, and refuses a lower value than the current one. null: what DynamoDB gives a new table (12,000 reads and 4,000 writes on-demand)."
  type        = object({ read = number, write = number })
  default     = null

  validation {
    condition     = var.warm_throughput == null ? true : var.warm_throughput.read >= 12000 && var.warm_throughput.write >= 4000
    error_message = "A table already serves 12,000 reads and 4,000 writes per second: set at least these."
  }
}

variable "recovery_period_in_days" {
  description = "Number of days for which the table can be restored to any second."
  type        = number
  default     = 35

  validation {
    condition     = var.recovery_period_in_days >= 1 && var.recovery_period_in_days <= 35
    error_message = "Point-in-time recovery covers 1 to 35 days."
  }
}

variable "deletion_protection_enabled" {
  description = "Whether AWS prevents the deletion of the table."
  type        = bool
  default     = true
}

variable "tags" {
  description = "Tags of the table in addition to the provider's default tags."
  type        = map(string)
  default     = {}
}
