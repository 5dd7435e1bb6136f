# clinic-api on ECS Fargate behind an Application Load Balancer. The table, its roles and the secrets come from
# migrations-terraform/.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region

  cluster_name   = var.cluster_name == null ? aws_ecs_cluster.this[0].name : var.cluster_name
  http_port      = 8080
  metrics_port   = 9464
  collector_port = 4318
}

resource "aws_ecs_cluster" "this" {
  count = var.cluster_name == null ? 1 : 0

  name = var.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/ecs/${var.name}"
  kms_key_id        = var.logs_kms_key_arn
  retention_in_days = var.log_retention_days
}
