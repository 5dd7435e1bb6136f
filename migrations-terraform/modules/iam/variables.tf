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

variable "search_keys_secret_arn" {
  description = "ARN of the secret with CLINIC_API_SEARCH_KEYS."
  type        = string
}

variable "secret_key_arn" {
  description = "ARN of the KMS key that encrypts both secrets."
  type        = string
}

variable "service_trust" {
  description = "Principals that run `clinic-api serve`: ECS tasks, Kubernetes service accounts with IRSA (`service_accounts`) or with EKS Pod Identity (`pod_identities`), or several of them. With none, only the policy is created and no role."
  type = object({
    ecs_tasks = optional(bool, false)
    service_accounts = optional(list(object({
      oidc_provider_arn = string
      namespace         = string
      name              = string
    })), [])
    pod_identities = optional(list(object({
      cluster_arn = string
      namespace   = string
      name        = string
    })), [])
  })
  default = {}

  validation {
    condition     = alltrue([for account in var.service_trust.service_accounts : can(regex("^arn:[^:]+:iam::[0-9]{12}:oidc-provider/.+$", account.oidc_provider_arn))])
    error_message = "An OIDC provider ARN has the form arn:aws:iam::ACCOUNT:oidc-provider/ISSUER."
  }

  validation {
    condition     = alltrue([for account in concat(var.service_trust.service_accounts, var.service_trust.pod_identities) : !can(regex("[*?]", "${account.namespace}${account.name}"))])
    error_message = "Give the full name of each service account, without wildcards."
  }

  validation {
    condition     = alltrue([for account in var.service_trust.pod_identities : can(regex("^arn:[^:]+:eks:[^:]+:[0-9]{12}:cluster/[^*?]+$", account.cluster_arn))])
    error_message = "A cluster ARN has the form arn:aws:eks:REGION:ACCOUNT:cluster/NAME."
  }
}

variable "worker_trust" {
  description = "Principals that run the stream worker, as in `service_trust`."
  type = object({
    ecs_tasks = optional(bool, false)
    service_accounts = optional(list(object({
      oidc_provider_arn = string
      namespace         = string
      name              = string
    })), [])
    pod_identities = optional(list(object({
      cluster_arn = string
      namespace   = string
      name        = string
    })), [])
  })
  default = {}

  validation {
    condition     = alltrue([for account in var.worker_trust.service_accounts : can(regex("^arn:[^:]+:iam::[0-9]{12}:oidc-provider/.+$", account.oidc_provider_arn))])
    error_message = "An OIDC provider ARN has the form arn:aws:iam::ACCOUNT:oidc-provider/ISSUER."
  }

  validation {
    condition     = alltrue([for account in concat(var.worker_trust.service_accounts, var.worker_trust.pod_identities) : !can(regex("[*?]", "${account.namespace}${account.name}"))])
    error_message = "Give the full name of each service account, without wildcards."
  }

  validation {
    condition     = alltrue([for account in var.worker_trust.pod_identities : can(regex("^arn:[^:]+:eks:[^:]+:[0-9]{12}:cluster/[^*?]+$", account.cluster_arn))])
    error_message = "A cluster ARN has the form arn:aws:eks:REGION:ACCOUNT:cluster/NAME."
  }
}

variable "reseal_trust" {
  description = "Principals that run `clinic-api worker reseal-secrets`, as in `service_trust`. If empty, the role does not exist."
  type = object({
    ecs_tasks = optional(bool, false)
    service_accounts = optional(list(object({
      oidc_provider_arn = string
      namespace         = string
      name              = string
    })), [])
    pod_identities = optional(list(object({
      cluster_arn = string
      namespace   = string
      name        = string
    })), [])
  })
  default = {}

  validation {
    condition     = alltrue([for account in var.reseal_trust.service_accounts : can(regex("^arn:[^:]+:iam::[0-9]{12}:oidc-provider/.+$", account.oidc_provider_arn))])
    error_message = "An OIDC provider ARN has the form arn:aws:iam::ACCOUNT:oidc-provider/ISSUER."
  }

  validation {
    condition     = alltrue([for account in concat(var.reseal_trust.service_accounts, var.reseal_trust.pod_identities) : !can(regex("[*?]", "${account.namespace}${account.name}"))])
    error_message = "Give the full name of each service account, without wildcards."
  }

  validation {
    condition     = alltrue([for account in var.reseal_trust.pod_identities : can(regex("^arn:[^:]+:eks:[^:]+:[0-9]{12}:cluster/[^*?]+$", account.cluster_arn))])
    error_message = "A cluster ARN has the form arn:aws:eks:REGION:ACCOUNT:cluster/NAME."
  }
}

variable "backfill_trust" {
  description = "Principals that run `clinic-api table backfill`, as in `service_trust`. If this and `backfill_principal_arns` are empty, the role does not exist."
  type = object({
    ecs_tasks = optional(bool, false)
    service_accounts = optional(list(object({
      oidc_provider_arn = string
      namespace         = string
      name              = string
    })), [])
    pod_identities = optional(list(object({
      cluster_arn = string
      namespace   = string
      name        = string
    })), [])
  })
  default = {}

  validation {
    condition     = alltrue([for account in var.backfill_trust.service_accounts : can(regex("^arn:[^:]+:iam::[0-9]{12}:oidc-provider/.+$", account.oidc_provider_arn))])
    error_message = "An OIDC provider ARN has the form arn:aws:iam::ACCOUNT:oidc-provider/ISSUER."
  }

  validation {
    condition     = alltrue([for account in concat(var.backfill_trust.service_accounts, var.backfill_trust.pod_identities) : !can(regex("[*?]", "${account.namespace}${account.name}"))])
    error_message = "Give the full name of each service account, without wildcards."
  }

  validation {
    condition     = alltrue([for account in var.backfill_trust.pod_identities : can(regex("^arn:[^:]+:eks:[^:]+:[0-9]{12}:cluster/[^*?]+$", account.cluster_arn))])
    error_message = "A cluster ARN has the form arn:aws:eks:REGION:ACCOUNT:cluster/NAME."
  }
}

variable "stream_function" {
  description = "Whether a Lambda function reads the stream. Only then its policy and its role exist."
  type        = bool
  default     = false
}

variable "backfill_principal_arns" {
  description = "IAM principals (roles of operators) that may assume the backfill role. Set it for a migration or a rotation of the search keys, and empty it afterwards."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.backfill_principal_arns : can(regex("^arn:[^:]+:iam::[0-9]{12}:(role|user)/.+$", arn))])
    error_message = "Give the full ARN of each principal, a role or a user."
  }
}

variable "export_principal_arns" {
  description = "IAM principals (roles of operators) that may assume the export role. Set it for an export of patients, and empty it afterwards."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.export_principal_arns : can(regex("^arn:[^:]+:iam::[0-9]{12}:(role|user)/.+$", arn))])
    error_message = "Give the full ARN of each principal, a role or a user."
  }
}

variable "restored_table_arn" {
  description = "A table that was restored from a backup. The backfill role may then check and repair it, and erase patients again."
  type        = string
  default     = null
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary for all roles, if the account requires one."
  type        = string
  default     = null
}
