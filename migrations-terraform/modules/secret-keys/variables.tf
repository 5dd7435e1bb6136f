variable "name" {
  description = "Name of the secret."
  type        = string
}

variable "description" {
  description = "What the secret contains."
  type        = string
}

variable "kms_key_arn" {
  description = "Customer-managed key that encrypts the secret."
  type        = string
}

variable "recovery_window_days" {
  description = "How long a deleted secret can be restored. Its name is not available in that time. 0: not at all."
  type        = number
  default     = 30

  validation {
    condition     = var.recovery_window_days == 0 || (var.recovery_window_days >= 7 && var.recovery_window_days <= 30)
    error_message = "Secrets Manager accepts 0, or 7 to 30 days."
  }
}
