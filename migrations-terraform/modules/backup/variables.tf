variable "name" {
  description = "Name of vault and plan."
  type        = string
}

variable "table_arn" {
  description = "ARN of the table."
  type        = string
}

variable "kms_key_arn" {
  description = "Customer-managed key that encrypts the vault; another one than the table's."
  type        = string
}

variable "daily_retention_days" {
  description = "How long daily backups are kept."
  type        = number
  default     = 35

  validation {
    condition     = var.daily_retention_days >= 7
    error_message = "The vault keeps backups for 7 days at least."
  }
}

variable "monthly_retention_days" {
  description = "How long the backup of a month's first day is kept. What the law asks for differs: ask your data protection officer."
  type        = number
  default     = 400

  validation {
    condition     = var.monthly_retention_days >= 7
    error_message = "The vault keeps backups for 7 days at least."
  }
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary for the role, where the account asks for one."
  type        = string
  default     = null
}
