variable "name" {
  description = "Prefix of the names of function, queue and log group."
  type        = string
}

variable "package" {
  description = "The function's zip, with an executable `bootstrap` for arm64 in it: a local path, or an S3 object (s3_hash: its base64-encoded SHA-256, so that a new object under the same key is seen)."
  type = object({
    path              = optional(string)
    s3_bucket         = optional(string)
    s3_key            = optional(string)
    s3_object_version = optional(string)
    s3_hash           = optional(string)
  })

  validation {
    condition     = (var.package.path != null) != (var.package.s3_bucket != null && var.package.s3_key != null)
    error_message = "Name either path, or s3_bucket and s3_key."
  }
}

variable "enabled" {
  description = "Whether the mapping reads the stream. Off, records wait for 24 hours."
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
  description = "Name of that role: rights to log, trace and give up batches are added to it."
  type        = string
}

variable "kms_key_arn" {
  description = "Customer-managed key for the log group, the queue and the function's environment; CloudWatch Logs must be let use it."
  type        = string
}

variable "environment" {
  description = "Further environment variables of the function. Nothing secret: they can be read with the function's configuration."
  type        = map(string)
  default     = {}
}

variable "code_signing_config_arn" {
  description = "Code signing configuration, where packages are signed."
  type        = string
  default     = null
}

variable "memory_mb" {
  description = "Memory of the function; its share of CPU goes with it."
  type        = number
  default     = 256
}

variable "timeout_seconds" {
  description = "How long one batch may take."
  type        = number
  default     = 60

  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 900
    error_message = "Lambda allows 1 to 900 seconds."
  }
}

variable "reserved_concurrency" {
  description = "Calls at once that are kept for the function out of the account's total, and the most that it may have: at least as many as the stream has shards times `parallelization_factor`, or the consumer lags. -1, the default, keeps none: AWS refuses to leave less than 100 to the account's other functions, and a new account may have no more than 10 in all."
  type        = number
  default     = -1
  nullable    = false

  validation {
    condition     = var.reserved_concurrency == -1 || var.reserved_concurrency >= 1
    error_message = "-1 keeps none, 1 or more keeps so many. To stop the function switch off `enabled`: with 0 it would be throttled until records are lost."
  }
}

variable "parallelization_factor" {
  description = "Batches of one shard that are worked on at once; changes of one item stay in order."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.parallelization_factor >= 1 && var.parallelization_factor <= 10
    error_message = "Lambda allows 1 to 10."
  }
}

variable "batching_window_seconds" {
  description = "How long Lambda may wait to fill a batch."
  type        = number
  default     = 1

  validation {
    condition     = var.batching_window_seconds >= 0 && var.batching_window_seconds <= 300
    error_message = "Lambda allows 0 to 300 seconds."
  }
}

variable "maximum_retry_attempts" {
  description = "How often a batch is tried again before it goes to the dead-letter queue. -1, the default: until `maximum_record_age_seconds`, as what fails is what the database refuses, and the function itself puts aside what can't be processed."
  type        = number
  default     = -1

  validation {
    condition     = var.maximum_retry_attempts >= -1 && var.maximum_retry_attempts <= 10000
    error_message = "Lambda allows 0 to 10000, and -1: until maximum_record_age_seconds."
  }
}

variable "maximum_record_age_seconds" {
  description = "Records older than this go to the dead-letter queue. Well below 24 hours, when the stream drops them and a look at the queue comes too late."
  type        = number
  default     = 43200

  validation {
    condition     = var.maximum_record_age_seconds >= 60 && var.maximum_record_age_seconds < 86400
    error_message = "60 seconds to less than 24 hours."
  }
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 365
}
