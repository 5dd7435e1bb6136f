variable "name" {
  description = "Name of vault and plan."
  type        = string
}

variable "table_arn" {
  description = "ARN of the table."
  type        = string
}

variable "kms_key_arn" {
  description = "Customer-managed key that encrypts the vault. Use a different key from the table's."
  type        = string
}

variable "daily_retention_days" {
  description = "How long daily backups are kept."
  type        = number
  default     = 35

  validation {
    condition     = var.daily_retention_days >= 7
    error_message = "The vault keeps backups for at least 7 days."
  }
}

variable "monthly_retention_days" {
  description = "How long the backup of a month's first day is kept. Legal requirements differ: ask your data protection officer."
  type        = number
  default     = 400

  validation {
    condition     = var.monthly_retention_days >= 7
    error_message = "The vault keeps backups for at least 7 days."
  }
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary for the role, if the account requires one."
  type        = string
  default     = null
}
