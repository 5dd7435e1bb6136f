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

variable "development_org" {
  description = "The organisation that every request acts for, until the service knows who asks."
  type        = string
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
  description = "Security groups of the VPC's interface endpoints."
  type        = list(string)
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
  description = "SNS topic that is told of alarms."
  type        = string
}
