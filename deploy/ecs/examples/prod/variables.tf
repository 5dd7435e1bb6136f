variable "region" {
  description = "AWS region."
  type        = string
}

variable "account_id" {
  description = "The only account to which this may be applied."
  type        = string
}

variable "state_bucket" {
  description = "Bucket with the state of migrations-terraform/environments/prod."
  type        = string
}

variable "image" {
  description = "Image with its registry, and its tag or digest."
  type        = string
}

variable "ecr_repository_arn" {
  description = "ARN of the ECR repository that the image is pulled from."
  type        = string
}

variable "issuer" {
  description = "The accepted issuer of tokens, their `iss`."
  type        = string
}

variable "audience" {
  description = "The required audience of tokens, their `aud`."
  type        = string
}

variable "jwks_url" {
  description = "URL of the issuer's keys."
  type        = string
}

variable "scaling" {
  description = "The number of tasks and the targets of autoscaling: see the module's variable."
  type        = any
  default     = null
}

variable "vpc_id" {
  description = "VPC of the load balancer and the tasks."
  type        = string
}

variable "private_subnet_ids" {
  description = "Private subnets in different availability zones."
  type        = list(string)
}

variable "client_cidr_blocks" {
  description = "Networks whose clients may reach the load balancer."
  type        = list(string)
}

variable "endpoint_security_group_ids" {
  description = "Security groups of the VPC's interface endpoints; empty with a NAT gateway."
  type        = list(string)
  default     = []
}

variable "open_endpoints" {
  description = "Whether the module adds a rule to those groups that admits the tasks. false: they must already admit the subnets."
  type        = bool
  default     = true
}

variable "egress_cidr_blocks" {
  description = "Networks that tasks may reach over HTTPS without interface endpoints: [\"0.0.0.0/0\"] with a NAT gateway."
  type        = list(string)
  default     = []
}

variable "metrics_security_group_ids" {
  description = "Security groups that may read the metrics, such as Prometheus."
  type        = list(string)
  default     = []
}

variable "metrics_namespace" {
  description = "Private DNS namespace in which Prometheus finds the tasks: see the module's variable."
  type        = string
  default     = null
}

variable "traces" {
  description = "Traces: OpenTelemetry's variables, and the security groups of the collector. Without them, traces are off."
  type = object({
    settings                     = map(string)
    collector_security_group_ids = optional(list(string), [])
  })
  default = { settings = {} }
}

variable "certificate_arn" {
  description = "ACM certificate of the HTTPS listener."
  type        = string
}

variable "access_logs_bucket" {
  description = "Bucket for the load balancer's access logs, which contain patient data. null: no access logs."
  type        = string
}

variable "web_acl_arn" {
  description = "Web ACL for the load balancer, optional."
  type        = string
  default     = null
}

variable "alarm_topic_arn" {
  description = "SNS topic for alarms. For its policies, see the module's variable."
  type        = string
}
