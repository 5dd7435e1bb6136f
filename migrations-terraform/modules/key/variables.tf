variable "alias" {
  description = "Name of the key's alias, without `alias/`."
  type        = string
}

variable "description" {
  description = "What the key encrypts."
  type        = string
}

variable "cloudwatch_logs" {
  description = "Whether CloudWatch Logs may encrypt log groups with the key."
  type        = bool
  default     = false
}

variable "rotation_period_in_days" {
  description = "How often AWS rotates the key material. Older data remain readable."
  type        = number
  default     = 365

  validation {
    condition     = var.rotation_period_in_days >= 90 && var.rotation_period_in_days <= 2560
    error_message = "The rotation period is 90 to 2560 days."
  }
}
