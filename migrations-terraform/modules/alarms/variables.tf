variable "name" {
  description = "Prefix of the alarms' names."
  type        = string
}

variable "sns_topic_arn" {
  description = "Topic that is told when an alarm goes off and when it is over; null: alarms are only shown. What its policies must allow: modules/environment, alarm_topic_arn."
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
  description = "Billing mode of the table: consumption is compared with what is provisioned, or with `on_demand_limits`."
  type        = string
}

variable "on_demand_limits" {
  description = "The table's own limits of request units per second, if any were set; null: AWS's default quota counts."
  type        = object({ read = number, write = number })
  default     = null
}

variable "stream_consumer" {
  description = "The stream's Lambda function, the queue of given-up batches and the metric of changes that could not be processed; null where there is none."
  type = object({
    function_name          = string
    dead_letter_queue_name = string
    unprocessable_metric   = object({ namespace = string, name = string })
  })
  default = null
}

variable "thresholds" {
  description = "When alarms go off. `user_errors_per_5_minutes` null: no such alarm. `stream_silent_hours`: longer than nobody writes on any day, and well below 24, when changes are lost; null: no alarm stream-stopped."
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
    error_message = "stream_silent_hours is a whole number of hours, 1 to 20: records are lost after 24."
  }
}
