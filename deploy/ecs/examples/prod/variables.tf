variable "region" {
  description = "AWS region."
  type        = string
}

variable "account_id" {
  description = "The account that this may be applied to; any other is refused."
  type        = string
}

variable "state_bucket" {
  description = "Bucket with the state of migrations-terraform/environments/prod."
  type        = string
}

variable "image" {
  description = "Image with its tag or digest."
  type        = string
}

variable "ecr_repository_arn" {
  description = "ARN of the ECR repository that the image is pulled from."
  type        = string
}

variable "issuer" {
  description = "Whose tokens are taken."
  type        = string
}

variable "audience" {
  description = "What the `aud` of tokens must name."
  type        = string
}

variable "jwks_url" {
  description = "Where the issuer's keys are."
  type        = string
}

variable "scaling" {
  description = "How many tasks run, and what autoscaling aims at: see the module's variable."
  type        = any
  default     = null
}

variable "vpc_id" {
  description = "VPC of load balancer and tasks."
  type        = string
}

variable "private_subnet_ids" {
  description = "Private subnets, each in another availability zone."
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
  description = "Whether a rule is added to those groups that lets the tasks in; false: they must let in the subnets already."
  type        = bool
  default     = true
}

variable "egress_cidr_blocks" {
  description = "Where tasks may go by HTTPS without interface endpoints: [\"0.0.0.0/0\"] with a NAT gateway."
  type        = list(string)
  default     = []
}

variable "metrics_security_group_ids" {
  description = "Security groups that may read the metrics: Prometheus's."
  type        = list(string)
  default     = []
}

variable "traces" {
  description = "Where spans go: OpenTelemetry's variables, and the security groups of the collector. Left out, none are made."
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
  description = "Bucket for the load balancer's access logs."
  type        = string
}

variable "web_acl_arn" {
  description = "Web ACL for the load balancer, if there is one."
  type        = string
  default     = null
}

variable "alarm_topic_arn" {
  description = "SNS topic that is told of alarms. Its policies: see the module's variable."
  type        = string
}
