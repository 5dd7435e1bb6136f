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

variable "copy_vault_arn" {
  description = "Vault in another region or account to which each backup is copied, with the same retention. The vault must exist, and be encrypted with a customer-managed key. For another account of the organisation, the policies of the vault and of its key must admit this account, cross-account backup must be enabled in the management account, and DynamoDB's advanced features must be on. null: no copies."
  type        = string
  default     = null

  validation {
    condition     = var.copy_vault_arn == null || can(regex("^arn:[^:]+:backup:[^:]+:[0-9]{12}:backup-vault:.+$", var.copy_vault_arn))
    error_message = "A vault ARN has the form arn:aws:backup:REGION:ACCOUNT:backup-vault:NAME."
  }
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary for the role, if the account requires one."
  type        = string
  default     = null
}
