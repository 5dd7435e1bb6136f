# Prometheus finds the tasks by DNS: SERVICE.NAMESPACE has one A record for each task, and an answer has at most eight of them
# (README.md, Prometheus).

locals {
  discovered = var.metrics_namespace == null ? toset([]) : toset(concat(["clinic-api"], var.worker == null ? [] : ["clinic-api-worker"]))
}

resource "aws_service_discovery_private_dns_namespace" "this" {
  count = var.metrics_namespace == null ? 0 : 1

  name        = var.metrics_namespace
  description = "Tasks of ${var.name}, for Prometheus."
  vpc         = var.vpc_id
}

resource "aws_service_discovery_service" "this" {
  for_each = local.discovered

  name = each.value

  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.this[0].id
    routing_policy = "MULTIVALUE"

    dns_records {
      type = "A"
      ttl  = 10
    }
  }
}

# A warning only: a rollout passes eight tasks for minutes in any case, and autoscaling may stay below.
check "metrics_namespace" {
  assert {
    condition     = var.metrics_namespace == null || var.scaling.max <= 8
    error_message = "DNS shows Prometheus at most eight tasks, and scaling.max is above 8: let Prometheus ask the API of ECS instead (README.md, Prometheus)."
  }
}
