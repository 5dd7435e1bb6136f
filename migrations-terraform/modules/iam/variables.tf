variable "name" {
  description = "Prefix of the names of roles and policies."
  type        = string
}

variable "table_arn" {
  description = "ARN of the table."
  type        = string
}

variable "index_arns" {
  description = "ARNs of the table's indexes."
  type        = list(string)
}

variable "stream_arn" {
  description = "ARN of the table's stream."
  type        = string
}

variable "table_key_arn" {
  description = "ARN of the KMS key that encrypts the table."
  type        = string
}

variable "secret_keys_secret_arn" {
  description = "ARN of the secret with CLINIC_API_SECRET_KEYS."
  type        = string
}

variable "secret_key_arn" {
  description = "ARN of the KMS key that encrypts that secret."
  type        = string
}

variable "service_trust" {
  description = "Who runs `clinic-api serve`: ECS tasks, Kubernetes service accounts (IRSA), or both. With neither there is no role, only its policy."
  type = object({
    ecs_tasks = optional(bool, false)
    service_accounts = optional(list(object({
      oidc_provider_arn = string
      namespace         = string
      name              = string
    })), [])
  })
  default = {}

  validation {
    condition     = alltrue([for account in var.service_trust.service_accounts : can(regex("^arn:[^:]+:iam::[0-9]{12}:oidc-provider/.+$", account.oidc_provider_arn))])
    error_message = "An OIDC provider's ARN reads arn:aws:iam::ACCOUNT:oidc-provider/ISSUER."
  }

  validation {
    condition     = alltrue([for account in var.service_trust.service_accounts : !can(regex("[*?]", "${account.namespace}${account.name}"))])
    error_message = "Name each service account in full."
  }
}

variable "worker_trust" {
  description = "Who runs the stream worker, as in `service_trust`."
  type = object({
    ecs_tasks = optional(bool, false)
    service_accounts = optional(list(object({
      oidc_provider_arn = string
      namespace         = string
      name              = string
    })), [])
  })
  default = {}

  validation {
    condition     = alltrue([for account in var.worker_trust.service_accounts : can(regex("^arn:[^:]+:iam::[0-9]{12}:oidc-provider/.+$", account.oidc_provider_arn))])
    error_message = "An OIDC provider's ARN reads arn:aws:iam::ACCOUNT:oidc-provider/ISSUER."
  }

  validation {
    condition     = alltrue([for account in var.worker_trust.service_accounts : !can(regex("[*?]", "${account.namespace}${account.name}"))])
    error_message = "Name each service account in full."
  }
}

variable "backfill_principal_arns" {
  description = "IAM principals (roles of operators) that may take on the backfill role. Empty, there is no such role: fill it for a migration and empty it again."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.backfill_principal_arns : can(regex("^arn:[^:]+:iam::[0-9]{12}:(role|user)/.+$", arn))])
    error_message = "Name each principal by its full ARN, a role or a user."
  }
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary for all roles, where the account asks for one."
  type        = string
  default     = null
}
