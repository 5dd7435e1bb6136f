variable "name" {
  description = "Prefix of the names of function, queue and log group."
  type        = string
}

variable "package" {
  description = "The function's zip file, which contains the executable `bootstrap` for arm64: a local path, or an S3 object. s3_hash is its base64-encoded SHA-256, so that Terraform detects a new object under the same key."
  type = object({
    path              = optional(string)
    s3_bucket         = optional(string)
    s3_key            = optional(string)
    s3_object_version = optional(string)
    s3_hash           = optional(string)
  })

  validation {
    condition     = (var.package.path != null) != (var.package.s3_bucket != null && var.package.s3_key != null)
    error_message = "Set either path, or s3_bucket and s3_key."
  }
}

variable "enabled" {
  description = "Whether the mapping reads the stream. While it is disabled, records wait for up to 24 hours."
  type        = bool
  default     = true
  nullable    = false
}

variable "table_name" {
  description = "Name of the table."
  type        = string
}

variable "stream_arn" {
  description = "ARN of the table's stream."
  type        = string
}

variable "role_arn" {
  description = "ARN of the function's role."
  type        = string
}

variable "role_name" {
  description = "Name of that role. The module adds permissions for logs, traces and the dead-letter queue."
  type        = string
}

variable "kms_key_arn" {
  description = "Customer-managed key for the log group, the queue and the function's environment. Its policy must allow CloudWatch Logs."
  type        = string
}

variable "environment" {
  description = "Further environment variables of the function. They must not be secret: the function's configuration shows them."
  type        = map(string)
  default     = {}
}

variable "code_signing_config_arn" {
  description = "Code signing configuration, if packages are signed."
  type        = string
  default     = null
}

variable "memory_mb" {
  description = "Memory of the function. Its CPU share is proportional."
  type        = number
  default     = 256
}

variable "timeout_seconds" {
  description = "Timeout of one batch."
  type        = number
  default     = 60

  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 900
    error_message = "Lambda allows 1 to 900 seconds."
  }
}

variable "reserved_concurrency" {
  description = "Concurrency that is reserved for the function, which is also its maximum. Set at least the number of shards times `parallelization_factor`; with less, the consumer falls behind. -1 (default) reserves none: AWS must leave 100 for the other functions of the account, and a new account may have only 10 in total."
  type        = number
  default     = -1
  nullable    = false

  validation {
    condition     = var.reserved_concurrency == -1 || var.reserved_concurrency >= 1
    error_message = "Set -1 for no reservation, or at least 1. To stop the function, set `enabled` to false: with 0 it would be throttled until records are lost."
  }
}

variable "parallelization_factor" {
  description = "Concurrent batches of one shard. Changes of one item stay in order."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.parallelization_factor >= 1 && var.parallelization_factor <= 10
    error_message = "Lambda allows 1 to 10."
  }
}

variable "batching_window_seconds" {
  description = "How long Lambda waits to fill a batch."
  type        = number
  default     = 1

  validation {
    condition     = var.batching_window_seconds >= 0 && var.batching_window_seconds <= 300
    error_message = "Lambda allows 0 to 300 seconds."
  }
}

variable "maximum_retry_attempts" {
  description = "Number of retries before a batch goes to the dead-letter queue. -1 (default): until `maximum_record_age_seconds`. Only writes that the database rejects fail; the function makes dead letters of changes that it cannot process."
  type        = number
  default     = -1

  validation {
    condition     = var.maximum_retry_attempts >= -1 && var.maximum_retry_attempts <= 10000
    error_message = "Lambda allows 0 to 10000, and -1 for no limit until maximum_record_age_seconds."
  }
}

variable "maximum_record_age_seconds" {
  description = "Records older than this go to the dead-letter queue. Keep it well below 24 hours, when DynamoDB deletes the records and they cannot be recovered."
  type        = number
  default     = 43200

  validation {
    condition     = var.maximum_record_age_seconds >= 60 && var.maximum_record_age_seconds < 86400
    error_message = "Set at least 60 seconds and less than 24 hours."
  }
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 365
}
