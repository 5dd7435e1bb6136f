# `clinic-api worker`: reads the table's stream and sends events to webhooks (docs/events.md). It serves no requests. If the
# Lambda function reads the stream, set `tasks` to "deliveries".

locals {
  workers = var.worker == null ? {} : { worker = var.worker }

  worker_environment = var.worker == null ? {} : merge(
    {
      AWS_REGION                = local.region
      CLINIC_API_STORE          = "dynamodb"
      CLINIC_API_TABLE          = var.table_name
      CLINIC_API_METRICS_LISTEN = "0.0.0.0:${local.metrics_port}"
      CLINIC_API_LOG_FORMAT     = "json"
      CLINIC_API_DRAIN_TIMEOUT  = "30s"
      CLINIC_API_WORKER_TASKS   = var.worker.tasks
    },
    # The worker has its own service name in traces.
    { for name, value in var.traces.settings : name => value if name != "OTEL_SERVICE_NAME" },
    var.log_filter == null ? {} : { CLINIC_API_LOG = var.log_filter },
    var.audit_retention_days == null ? {} : { CLINIC_API_AUDIT_RETENTION_DAYS = tostring(var.audit_retention_days) },
  )
}

resource "aws_ecs_task_definition" "worker" {
  for_each = local.workers

  family                   = "${var.name}-worker"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = each.value.cpu
  memory                   = each.value.memory
  task_role_arn            = each.value.task_role_arn
  execution_role_arn       = aws_iam_role.execution.arn
  skip_destroy             = true

  runtime_platform {
    cpu_architecture        = "ARM64"
    operating_system_family = "LINUX"
  }

  container_definitions = jsonencode([{
    name       = "worker"
    image      = var.image
    essential  = true
    entryPoint = ["/clinic-api"]
    command    = ["worker"]

    user                   = "65532:65532"
    readonlyRootFilesystem = true
    privileged             = false
    linuxParameters        = { capabilities = { drop = ["ALL"] } }

    portMappings = [
      { name = "metrics", containerPort = local.metrics_port, hostPort = local.metrics_port, protocol = "tcp" },
    ]

    environment = [for name in sort(keys(local.worker_environment)) : { name = name, value = local.worker_environment[name] }]
    # The worker decrypts the webhook secrets with these keys. It does not search.
    secrets = [{ name = "CLINIC_API_SECRET_KEYS", valueFrom = var.secret_keys_secret_arn }]

    healthCheck = {
      command     = ["CMD", "/clinic-api", "healthcheck", "--live", "--listen", "127.0.0.1:${local.metrics_port}"]
      interval    = 10
      timeout     = 5
      retries     = 3
      startPeriod = 10
    }

    # Running attempts end within 30 s, and the worker releases its lease.
    stopTimeout = 45

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.this.name
        "awslogs-region"        = local.region
        "awslogs-stream-prefix" = "worker"
        mode                    = "non-blocking"
        "max-buffer-size"       = "25m"
      }
    }

    mountPoints    = []
    systemControls = []
    volumesFrom    = []
  }])
}

resource "aws_ecs_service" "worker" {
  for_each = local.workers

  name             = "${var.name}-worker"
  cluster          = local.cluster_name
  task_definition  = aws_ecs_task_definition.worker["worker"].arn
  launch_type      = "FARGATE"
  platform_version = "LATEST"

  # One worker reads the stream, the other is on standby. Both send deliveries.
  desired_count                      = each.value.count
  deployment_minimum_healthy_percent = 50
  deployment_maximum_percent         = 200

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  availability_zone_rebalancing = "ENABLED"
  enable_execute_command        = false
  enable_ecs_managed_tags       = true
  propagate_tags                = "SERVICE"

  network_configuration {
    subnets          = var.service_subnet_ids
    security_groups  = [aws_security_group.worker["worker"].id]
    assign_public_ip = false
  }

  dynamic "service_registries" {
    for_each = contains(local.discovered, "clinic-api-worker") ? [1] : []

    content {
      registry_arn = aws_service_discovery_service.this["clinic-api-worker"].arn
    }
  }

  depends_on = [
    aws_iam_role_policy.execution,
    aws_iam_role_policy_attachment.secret_keys,
    aws_vpc_security_group_egress_rule.worker_https,
    aws_vpc_security_group_egress_rule.worker_to_endpoints,
    aws_vpc_security_group_ingress_rule.endpoints_from_worker,
  ]
}

resource "aws_security_group" "worker" {
  for_each = local.workers

  name        = "${var.name}-worker"
  description = "Workers of ${var.name}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-worker" }
}

resource "aws_vpc_security_group_ingress_rule" "worker_metrics" {
  for_each = toset(var.worker == null ? [] : var.metrics_security_group_ids)

  security_group_id            = aws_security_group.worker["worker"].id
  description                  = "Prometheus"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = local.metrics_port
  to_port                      = local.metrics_port
}

# Webhooks can be anywhere. The worker itself connects only to public addresses.
resource "aws_vpc_security_group_egress_rule" "worker_https" {
  for_each = toset(var.worker == null ? [] : var.worker.egress_cidr_blocks)

  security_group_id = aws_security_group.worker["worker"].id
  description       = "HTTPS to webhooks and AWS"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "worker_to_endpoints" {
  for_each = toset(var.worker == null ? [] : var.endpoint_security_group_ids)

  security_group_id            = aws_security_group.worker["worker"].id
  description                  = "HTTPS to interface endpoints"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "worker_to_collector" {
  for_each = toset(var.worker == null ? [] : var.traces.collector_security_group_ids)

  security_group_id            = aws_security_group.worker["worker"].id
  description                  = "Spans to the collector"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = local.collector_port
  to_port                      = local.collector_port
}

resource "aws_vpc_security_group_ingress_rule" "endpoints_from_worker" {
  for_each = toset(var.worker != null && var.open_endpoints ? var.endpoint_security_group_ids : [])

  security_group_id            = each.value
  description                  = "HTTPS from the workers of ${var.name}"
  referenced_security_group_id = aws_security_group.worker["worker"].id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}
