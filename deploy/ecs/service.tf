resource "aws_ecs_service" "this" {
  name             = var.name
  cluster          = local.cluster_name
  task_definition  = aws_ecs_task_definition.this.arn
  launch_type      = "FARGATE"
  platform_version = "LATEST"

  # After creation, autoscaling sets the number of tasks.
  desired_count = var.scaling.min

  # New tasks are ready before old ones stop, so the capacity never falls.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  wait_for_steady_state              = true

  # In this time, ECS does not replace a new task that is unhealthy. If DynamoDB is unreachable for all tasks, ECS starts one
  # replacement for each, and stops none of them before it ends (README.md). A rollout without ready tasks fails after it, as on
  # Kubernetes (progressDeadlineSeconds).
  health_check_grace_period_seconds = 300

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  # Also rolls back a deployment that causes 5xx responses.
  alarms {
    enable      = var.rollback_on_alarm
    rollback    = var.rollback_on_alarm
    alarm_names = [aws_cloudwatch_metric_alarm.http_5xx.alarm_name]
  }

  # Fargate spreads tasks over the availability zones of the subnets. This rebalances them after the loss of a zone.
  availability_zone_rebalancing = "ENABLED"

  # The image has no shell, and patient data need no interactive access.
  enable_execute_command = false

  enable_ecs_managed_tags = true
  propagate_tags          = "SERVICE"

  network_configuration {
    subnets          = var.service_subnet_ids
    security_groups  = [aws_security_group.service.id]
    assign_public_ip = false
  }

  dynamic "service_registries" {
    for_each = contains(local.discovered, "clinic-api") ? [1] : []

    content {
      registry_arn = aws_service_discovery_service.this["clinic-api"].arn
    }
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.this.arn
    container_name   = "clinic-api"
    container_port   = local.http_port
  }

  lifecycle {
    ignore_changes = [desired_count]
  }

  # ECS can use a target group only after a listener has it. The first task needs its permissions and its network access.
  depends_on = [
    aws_lb_listener.https,
    aws_iam_role_policy.execution,
    aws_iam_role_policy_attachment.secret_keys,
    aws_vpc_security_group_egress_rule.service_to_prefix_lists,
    aws_vpc_security_group_egress_rule.service_to_endpoints,
    aws_vpc_security_group_ingress_rule.endpoints_from_service,
    aws_vpc_security_group_egress_rule.service_to_cidr_blocks,
    aws_vpc_security_group_ingress_rule.service_from_load_balancer,
    aws_vpc_security_group_egress_rule.load_balancer_to_service,
  ]
}
