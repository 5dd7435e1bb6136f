variable "name" {
  description = "Prefix of the alarms' names."
  type        = string
}

variable "sns_topic_arn" {
  description = "Topic that is notified when an alarm fires and when it clears. null: alarms are only displayed. For its policies, see alarm_topic_arn of modules/environment."
  type        = string
  default     = null
}

variable "table_name" {
  description = "Name of the table."
  type        = string
}

variable "index_names" {
  description = "Names of the table's indexes."
  type        = list(string)
}

variable "billing_mode" {
  description = "Billing mode of the table. It determines whether consumption is compared with the provisioned capacity or with `on_demand_limits`."
  type        = string
}

variable "on_demand_limits" {
  description = "Configured limits of request units per second. null: AWS's default quota applies."
  type        = object({ read = number, write = number })
  default     = null
}

variable "stream_consumer" {
  description = "The stream's Lambda function, its dead-letter queue and its metric of unprocessable changes. null if there is none."
  type = object({
    function_name          = string
    dead_letter_queue_name = string
    unprocessable_metric   = object({ namespace = string, name = string })
  })
  default = null
}

variable "thresholds" {
  description = "Thresholds of the alarms. `user_errors_per_5_minutes`: null creates no such alarm. `stream_silent_hours`: longer than the longest daily period without writes, and well below 24, when changes are lost. null creates no alarm stream-stopped."
  type = object({
    throttled_per_minute                = optional(number, 0)
    system_errors_per_minute            = optional(number, 0)
    transaction_conflicts_per_5_minutes = optional(number, 200)
    user_errors_per_5_minutes           = optional(number)
    capacity_percent                    = optional(number, 80)
    iterator_age_minutes                = optional(number, 15)
    stream_silent_hours                 = optional(number)
  })
  default = {}

  validation {
    condition     = contains(range(1, 21), coalesce(var.thresholds.stream_silent_hours, 1))
    error_message = "stream_silent_hours must be a whole number from 1 to 20: records are lost after 24 hours."
  }
}
