variable "name" {
  description = "Name of the service, the load balancer and their resources."
  type        = string
  default     = "clinic-api"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}[a-z0-9]$", var.name)) && !startswith(var.name, "internal-")
    error_message = "A load balancer name has at most 32 lower-case letters, digits and hyphens, and does not begin with `internal-`."
  }
}

# Service and worker

variable "image" {
  description = "Image with its registry, and its tag or digest: YOUR-REGISTRY/clinic-api:1.2.0"
  type        = string

  validation {
    condition     = can(regex("(:[A-Za-z0-9_][A-Za-z0-9_.-]*|@sha256:[0-9a-f]{64})$", var.image)) && !endswith(var.image, ":latest")
    error_message = "Set a tag other than latest, or a digest: a rollback needs the exact previous image."
  }
}

variable "ecr_repository_arn" {
  description = "ARN of the ECR repository that the image is pulled from."
  type        = string
}

variable "cpu" {
  description = "CPU units of a task (1024 are one vCPU)."
  type        = number
  default     = 512
}

variable "memory" {
  description = "Memory of a task, in MiB."
  type        = number
  default     = 1024
}

variable "worker" {
  description = "`clinic-api worker`: its role (output worker_role_arn of migrations-terraform), the number of workers, the CPU units and the memory in MiB of each, their tasks (CLINIC_API_WORKER_TASKS; output worker_tasks, because a worker must not read the stream that a Lambda function reads), and the networks of webhooks on port 443. null: no worker runs, so there are no events, no audit log and no access log."
  type = object({
    task_role_arn      = string
    count              = optional(number, 2)
    cpu                = optional(number, 256)
    memory             = optional(number, 512)
    tasks              = optional(string, "stream,deliveries")
    egress_cidr_blocks = optional(list(string), ["0.0.0.0/0"])
  })
  default = null

  validation {
    condition     = var.worker == null ? true : contains(["stream,deliveries", "stream", "deliveries"], var.worker.tasks)
    error_message = "tasks must be `stream,deliveries`, `stream` or `deliveries`."
  }

  # ECS starts tasks without a role too. Such a worker cannot read the stream, and changes are lost after 24 hours.
  validation {
    condition     = var.worker == null ? true : var.worker.task_role_arn != null
    error_message = "The worker has no role (task_role_arn): set worker_trust.ecs_tasks in migrations-terraform and apply it first."
  }
}

variable "traces" {
  description = "Traces: OpenTelemetry's variables such as OTEL_EXPORTER_OTLP_ENDPOINT, and the security groups of the collector, which listens on port 4318. A collector with HTTPS needs no security group here."
  type = object({
    settings                     = map(string)
    collector_security_group_ids = optional(list(string), [])
  })
  default = { settings = {} }

  validation {
    condition     = alltrue([for name in keys(var.traces.settings) : can(regex("^OTEL_[A-Z_]+$", name))])
    error_message = "Only variables OTEL_… are allowed here."
  }
  validation {
    condition     = alltrue([for name in keys(var.traces.settings) : !endswith(name, "_HEADERS")])
    error_message = "OTEL_EXPORTER_OTLP_HEADERS usually contains a secret, which anyone who may read task definitions could read. Let your own collector add the headers."
  }
}

variable "audit_retention_days" {
  description = "CLINIC_API_AUDIT_RETENTION_DAYS of service and worker: the retention of the access log and the audit log. null: the default, ten years."
  type        = number
  default     = null
}

variable "search_phonetics" {
  description = "CLINIC_API_SEARCH_PHONETICS of the service: the phonetic algorithm of the search for patients. null: the default. After a change, run `clinic-api table backfill` with the same value."
  type        = string
  default     = null
}

variable "log_filter" {
  description = "CLINIC_API_LOG: the log filter. null: the default."
  type        = string
  default     = null
}

variable "issuer" {
  description = "CLINIC_API_ISSUER: the accepted issuer of tokens, their `iss`. docs/authorisation.md describes the required claims."
  type        = string

  validation {
    condition     = startswith(var.issuer, "https://")
    error_message = "An OpenID Connect issuer is an https URL, exactly as in its tokens."
  }
}

variable "audience" {
  description = "CLINIC_API_AUDIENCE: the required audience of tokens, their `aud`."
  type        = string

  validation {
    condition     = length(var.audience) > 0
    error_message = "Without an audience, the service would accept tokens that the issuer made for other services."
  }
}

variable "jwks_url" {
  description = "CLINIC_API_JWKS_URL: the URL of the issuer's keys (`jwks_uri` of its discovery document). The tasks must reach it, through a NAT gateway and egress_cidr_blocks, or inside the VPC."
  type        = string

  validation {
    condition     = startswith(var.jwks_url, "https://")
    error_message = "The issuer's keys are fetched over https only."
  }
}

variable "identity_settings" {
  description = "Further settings of identity by name, for example CLINIC_API_CLAIM_ROLES or CLINIC_API_NBF_OPTIONAL."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.identity_settings) : can(regex("^CLINIC_API_(CLAIM_[A-Z]+|NBF_OPTIONAL|TOKEN_ALGORITHMS)$", name))])
    error_message = "Only CLINIC_API_CLAIM_…, CLINIC_API_NBF_OPTIONAL and CLINIC_API_TOKEN_ALGORITHMS are allowed here."
  }
}

variable "scaling" {
  description = "The number of tasks, and the targets of autoscaling: CPU usage in percent, and requests per task and minute."
  type = object({
    min                 = optional(number, 3)
    max                 = optional(number, 12)
    cpu_percent         = optional(number, 60)
    requests_per_minute = optional(number, 6000)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.scaling.min >= 2 && var.scaling.min <= var.scaling.max
    error_message = "min must be at least 2, because with one task every fault is an outage. max must be at least min."
  }
}

variable "rollback_on_alarm" {
  description = "Whether a deployment is rolled back when the alarm http-5xx fires."
  type        = bool
  default     = true
}

# From migrations-terraform

variable "table_name" {
  description = "CLINIC_API_TABLE (output table_name)."
  type        = string
}

variable "task_role_arn" {
  description = "Role of `clinic-api serve` (output service_role_arn, with service_trust.ecs_tasks)."
  type        = string
}

variable "secret_keys_secret_arn" {
  description = "Secret with CLINIC_API_SECRET_KEYS (output secret_keys_secret_arn)."
  type        = string
}

variable "search_keys_secret_arn" {
  description = "Secret with CLINIC_API_SEARCH_KEYS (output search_keys_secret_arn)."
  type        = string
}

variable "secret_keys_policy_arn" {
  description = "Policy that allows reading both secrets (output secret_keys_policy_arn)."
  type        = string
}

variable "logs_kms_key_arn" {
  description = "Customer-managed key for the log group (output operations_key_arn)."
  type        = string
}

# Cluster and network

variable "cluster_name" {
  description = "Name of an existing ECS cluster. null creates one."
  type        = string
  default     = null
}

variable "vpc_id" {
  description = "VPC of the load balancer and the tasks."
  type        = string
}

variable "load_balancer_subnet_ids" {
  description = "Subnets of the load balancer in different availability zones. Private ones, if it is internal."
  type        = list(string)

  validation {
    condition     = length(var.load_balancer_subnet_ids) >= 2
    error_message = "A load balancer needs subnets in at least two availability zones."
  }
}

variable "service_subnet_ids" {
  description = "Private subnets of the tasks, in different availability zones."
  type        = list(string)

  validation {
    condition     = length(var.service_subnet_ids) >= 2
    error_message = "Tasks need subnets in at least two availability zones."
  }
}

variable "client_cidr_blocks" {
  description = "Networks whose clients may reach the load balancer. Every request also needs a token."
  type        = list(string)

  validation {
    condition     = alltrue([for block in var.client_cidr_blocks : can(cidrnetmask(block))])
    error_message = "Give IPv4 networks such as 10.0.0.0/16."
  }
}

variable "endpoint_security_group_ids" {
  description = "Security groups of the VPC's interface endpoints for ECR (api and dkr), CloudWatch Logs and Secrets Manager."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.endpoint_security_group_ids) + length(var.egress_cidr_blocks) > 0
    error_message = "Tasks must reach ECR, CloudWatch Logs and Secrets Manager: set endpoint_security_group_ids or egress_cidr_blocks."
  }
}

variable "open_endpoints" {
  description = "Whether the module adds a rule to those groups that admits the tasks on port 443. Set false if the module must not change the groups, or if they define their rules in `ingress` blocks, which would remove the added rule. Then the groups must already admit the CIDR blocks of service_subnet_ids. Otherwise the first apply waits for tasks that cannot start."
  type        = bool
  default     = true
}

variable "egress_cidr_blocks" {
  description = "Networks that tasks may reach over HTTPS without interface endpoints: [\"0.0.0.0/0\"] with a NAT gateway."
  type        = list(string)
  default     = []
}

variable "metrics_security_group_ids" {
  description = "Security groups that may read the metrics on port 9464, such as Prometheus."
  type        = list(string)
  default     = []
}

# Load balancer

variable "certificate_arn" {
  description = "ACM certificate of the HTTPS listener."
  type        = string
}

variable "internal" {
  description = "Whether the load balancer is reachable only from the VPC. false needs a web ACL (web_acl_arn), because the limits of the service apply per task."
  type        = bool
  default     = true
  nullable    = false
}

variable "ssl_policy" {
  description = "TLS policy of the HTTPS listener. The default allows TLS 1.3, and 1.2 with forward secrecy for older clients. ELBSecurityPolicy-TLS13-1-3-2021-06 allows 1.3 only."
  type        = string
  default     = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"

  validation {
    condition     = can(regex("^ELBSecurityPolicy-TLS13-1-[23]-", var.ssl_policy))
    error_message = "Set a policy with TLS 1.3 and nothing older than 1.2."
  }
}

variable "web_acl_arn" {
  description = "Web ACL (AWS WAF, regional) for the load balancer."
  type        = string
  default     = null
}

variable "access_logs_bucket" {
  description = "Bucket for the load balancer's access logs, with a bucket policy that allows Elastic Load Balancing to write. The logs contain ids of records in paths, and names, birth dates and identifiers of patients in queries, which a load balancer cannot omit: protect the bucket like the table. null: no access logs."
  type        = string
}

variable "deletion_protection_enabled" {
  description = "Whether AWS prevents the deletion of the load balancer."
  type        = bool
  default     = true
}

# Monitoring

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 365
}

variable "alarm_topic_arn" {
  description = "SNS topic for alarms. null: alarms are only displayed. Its policy must allow sns:Publish for cloudwatch.amazonaws.com. An encrypted topic needs a customer-managed key whose policy allows kms:Decrypt and kms:GenerateDataKey* for cloudwatch.amazonaws.com: with the key alias/aws/sns no alarm arrives."
  type        = string
  default     = null
}

variable "alarm_thresholds" {
  description = "Thresholds of the alarms. `http-5xx` needs both: more than http_5xx_percent of the requests, and more than http_5xx_floor_per_minute responses."
  type = object({
    http_5xx_percent             = optional(number, 1)
    http_5xx_floor_per_minute    = optional(number, 5)
    load_balancer_5xx_per_minute = optional(number, 5)
    p99_seconds                  = optional(number, 2)
    task_memory_percent          = optional(number, 85)
    worker_memory_percent        = optional(number, 85)
  })
  default = {}
}

variable "metrics_namespace" {
  description = "Name of a private DNS namespace to create in the VPC, such as clinic-api.internal. Prometheus then finds up to eight tasks by DNS (README.md). null: none."
  type        = string
  default     = null
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary for the execution role, if the account requires one."
  type        = string
  default     = null
}
