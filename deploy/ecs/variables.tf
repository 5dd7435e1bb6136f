variable "name" {
  description = "Name of service, load balancer and all that belongs to them."
  type        = string
  default     = "clinic-api"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}[a-z0-9]$", var.name)) && !startswith(var.name, "internal-")
    error_message = "A load balancer's name has at most 32 lower-case letters, digits and hyphens, and does not begin with `internal-`."
  }
}

# What runs

variable "image" {
  description = "Image with its registry, and its tag or digest: YOUR-REGISTRY/clinic-api:1.2.0"
  type        = string

  validation {
    condition     = can(regex("(:[A-Za-z0-9_][A-Za-z0-9_.-]*|@sha256:[0-9a-f]{64})$", var.image)) && !endswith(var.image, ":latest")
    error_message = "Name a tag other than latest, or a digest: a rollback has to know what ran before."
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
  description = "`clinic-api worker`: its role (output worker_role_arn of the table's environment), how many, what they do (CLINIC_API_WORKER_TASKS), and where webhooks may be, at port 443. null: none runs, and nobody is told of events."
  type = object({
    task_role_arn      = string
    count              = optional(number, 2)
    tasks              = optional(string, "stream,deliveries")
    egress_cidr_blocks = optional(list(string), ["0.0.0.0/0"])
  })
  default = null

  validation {
    condition     = var.worker == null ? true : contains(["stream,deliveries", "stream", "deliveries"], var.worker.tasks)
    error_message = "tasks is `stream,deliveries`, `stream` or `deliveries`."
  }
}

variable "traces" {
  description = "Spans: OpenTelemetry's variables by their names, as OTEL_EXPORTER_OTLP_ENDPOINT, and the security groups of the collector, which takes them at port 4318. By HTTPS it is reached as everything else."
  type = object({
    settings                     = map(string)
    collector_security_group_ids = optional(list(string), [])
  })
  default = { settings = {} }

  validation {
    condition     = alltrue([for name in keys(var.traces.settings) : can(regex("^OTEL_[A-Z_]+$", name))])
    error_message = "Only OTEL_… is set here."
  }
  validation {
    condition     = alltrue([for name in keys(var.traces.settings) : !endswith(name, "_HEADERS")])
    error_message = "OTEL_EXPORTER_OTLP_HEADERS mostly holds a secret, and everybody who may read task definitions could read it: let a collector of your own add it."
  }
}

variable "audit_retention_days" {
  description = "CLINIC_API_AUDIT_RETENTION_DAYS of service and worker: how long the access log and the audit log are kept. null: the service's default, ten years."
  type        = number
  default     = null
}

variable "log_filter" {
  description = "CLINIC_API_LOG: what is logged. null: the service's default."
  type        = string
  default     = null
}

variable "issuer" {
  description = "CLINIC_API_ISSUER: whose tokens are taken, their `iss`. docs/authorisation.md says what a token must hold."
  type        = string

  validation {
    condition     = startswith(var.issuer, "https://")
    error_message = "An OpenID Connect issuer is an https URL, exactly as it stands in its tokens."
  }
}

variable "audience" {
  description = "CLINIC_API_AUDIENCE: what the `aud` of tokens must name."
  type        = string

  validation {
    condition     = length(var.audience) > 0
    error_message = "Without an audience, tokens that the issuer made for other services would be taken."
  }
}

variable "jwks_url" {
  description = "CLINIC_API_JWKS_URL: where the issuer's keys are (`jwks_uri` of its discovery document). The tasks must reach it: by a NAT gateway and egress_cidr_blocks, or inside the VPC."
  type        = string

  validation {
    condition     = startswith(var.jwks_url, "https://")
    error_message = "The issuer's keys are fetched by https alone."
  }
}

variable "identity_settings" {
  description = "Further settings of identity, as CLINIC_API_CLAIM_ROLES or CLINIC_API_NBF_OPTIONAL, by their names."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.identity_settings) : can(regex("^CLINIC_API_(CLAIM_[A-Z]+|NBF_OPTIONAL|TOKEN_ALGORITHMS)$", name))])
    error_message = "Only CLINIC_API_CLAIM_…, CLINIC_API_NBF_OPTIONAL and CLINIC_API_TOKEN_ALGORITHMS are set here."
  }
}

variable "scaling" {
  description = "How many tasks run, and what autoscaling aims at: percent of CPU, and requests per task and minute."
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
    error_message = "Fewer than two tasks are an outage with every fault; max is at least min."
  }
}

variable "rollback_on_alarm" {
  description = "Whether a deployment is rolled back when the alarm http-5xx goes off."
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

variable "secret_keys_policy_arn" {
  description = "Policy that reads this secret (output secret_keys_policy_arn)."
  type        = string
}

variable "logs_kms_key_arn" {
  description = "Customer-managed key for the log group (output operations_key_arn)."
  type        = string
}

# Cluster and network

variable "cluster_name" {
  description = "Name of an ECS cluster that stands already; null makes one."
  type        = string
  default     = null
}

variable "vpc_id" {
  description = "VPC of load balancer and tasks."
  type        = string
}

variable "load_balancer_subnet_ids" {
  description = "Subnets of the load balancer, each in another availability zone; private ones, since it is internal."
  type        = list(string)

  validation {
    condition     = length(var.load_balancer_subnet_ids) >= 2
    error_message = "A load balancer needs subnets in two availability zones."
  }
}

variable "service_subnet_ids" {
  description = "Private subnets of the tasks, each in another availability zone."
  type        = list(string)

  validation {
    condition     = length(var.service_subnet_ids) >= 2
    error_message = "Tasks are spread over two availability zones at least."
  }
}

variable "client_cidr_blocks" {
  description = "Networks whose clients may reach the load balancer. Every request needs a token besides."
  type        = list(string)

  validation {
    condition     = alltrue([for block in var.client_cidr_blocks : can(cidrnetmask(block))])
    error_message = "Name IPv4 networks, as 10.0.0.0/16."
  }
}

variable "endpoint_security_group_ids" {
  description = "Security groups of the VPC's interface endpoints for ECR (api and dkr), CloudWatch Logs and Secrets Manager."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.endpoint_security_group_ids) + length(var.egress_cidr_blocks) > 0
    error_message = "Tasks must reach ECR, CloudWatch Logs and Secrets Manager: name endpoint_security_group_ids or egress_cidr_blocks."
  }
}

variable "open_endpoints" {
  description = "Whether a rule is added to those groups that lets the tasks in (443). Switch it off where the groups may not be changed from here, or have their rules in `ingress` blocks, which would take it away again; then they must already let in the CIDR blocks of service_subnet_ids, or the first apply waits for tasks that can't start."
  type        = bool
  default     = true
}

variable "egress_cidr_blocks" {
  description = "Where tasks may go by HTTPS if there are no interface endpoints: [\"0.0.0.0/0\"] with a NAT gateway."
  type        = list(string)
  default     = []
}

variable "metrics_security_group_ids" {
  description = "Security groups that may read the metrics (port 9464): Prometheus's."
  type        = list(string)
  default     = []
}

# Load balancer

variable "certificate_arn" {
  description = "ACM certificate of the HTTPS listener."
  type        = string
}

variable "internal" {
  description = "Whether the load balancer is reached from the VPC only. false needs a web ACL (web_acl_arn): limits of the service are each task's own."
  type        = bool
  default     = true
  nullable    = false
}

variable "ssl_policy" {
  description = "TLS policy of the HTTPS listener: TLS 1.3, and 1.2 with forward secrecy for older clients. ELBSecurityPolicy-TLS13-1-3-2021-06 is 1.3 only."
  type        = string
  default     = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"

  validation {
    condition     = can(regex("^ELBSecurityPolicy-TLS13-1-[23]-", var.ssl_policy))
    error_message = "Name a policy with TLS 1.3, and nothing older than 1.2."
  }
}

variable "web_acl_arn" {
  description = "Web ACL (AWS WAF, regional) for the load balancer."
  type        = string
  default     = null
}

variable "access_logs_bucket" {
  description = "Bucket for the load balancer's access logs, with a bucket policy that lets Elastic Load Balancing write. Paths in it name records by id, and a query may have a record number: keep it as you keep the data."
  type        = string
}

variable "deletion_protection_enabled" {
  description = "Whether AWS refuses to delete the load balancer."
  type        = bool
  default     = true
}

# Watching

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 365
}

variable "alarm_topic_arn" {
  description = "SNS topic that is told of alarms; null: they are only shown. Its policy must let cloudwatch.amazonaws.com do sns:Publish. If it is encrypted, it must be with a customer-managed key whose policy lets cloudwatch.amazonaws.com do kms:Decrypt and kms:GenerateDataKey*: with the key alias/aws/sns no alarm arrives."
  type        = string
  default     = null
}

variable "alarm_thresholds" {
  description = "When alarms go off."
  type = object({
    http_5xx_per_minute          = optional(number, 5)
    load_balancer_5xx_per_minute = optional(number, 5)
    p99_seconds                  = optional(number, 2)
  })
  default = {}
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary for the execution role, where the account asks for one."
  type        = string
  default     = null
}
