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

variable "vpc_id" {
  description = "VPC of the tasks."
  type        = string
}

variable "private_route_table_ids" {
  description = "Route tables of the tasks' subnets. The gateway endpoints add a route to each."
  type        = list(string)

  validation {
    condition     = length(var.private_route_table_ids) > 0
    error_message = "Without a route, requests to DynamoDB do not use the endpoint, and the table's policy denies them."
  }
}

variable "private_subnet_ids" {
  description = "Private subnets in different availability zones, for the interface endpoints."
  type        = list(string)
}
