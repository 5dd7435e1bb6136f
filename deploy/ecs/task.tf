# The service gets its settings from environment variables. `clinic-api serve --help` lists them.
locals {
  environment = merge(
    {
      AWS_REGION                = local.region
      CLINIC_API_STORE          = "dynamodb"
      CLINIC_API_TABLE          = var.table_name
      CLINIC_API_LISTEN         = "0.0.0.0:${local.http_port}"
      CLINIC_API_METRICS_LISTEN = "0.0.0.0:${local.metrics_port}"
      CLINIC_API_LOG_FORMAT     = "json"
      CLINIC_API_SHUTDOWN_DELAY = "5s"
      CLINIC_API_DRAIN_TIMEOUT  = "30s"
      CLINIC_API_ISSUER         = var.issuer
      CLINIC_API_AUDIENCE       = var.audience
      CLINIC_API_JWKS_URL       = var.jwks_url
      # The load balancer appends the client's address to X-Forwarded-For. All requests pass through it.
      CLINIC_API_TRUSTED_PROXIES = "1"
      CLINIC_API_HSTS_MAX_AGE    = "31536000"
    },
    var.identity_settings,
    var.traces.settings,
    var.log_filter == null ? {} : { CLINIC_API_LOG = var.log_filter },
    var.search_phonetics == null ? {} : { CLINIC_API_SEARCH_PHONETICS = var.search_phonetics },
    var.audit_retention_days == null ? {} : { CLINIC_API_AUDIT_RETENTION_DAYS = tostring(var.audit_retention_days) },
  )
}

resource "aws_ecs_task_definition" "this" {
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  task_role_arn            = var.task_role_arn
  execution_role_arn       = aws_iam_role.execution.arn

  # Keep old revisions for manual rollbacks.
  skip_destroy = true

  runtime_platform {
    cpu_architecture        = "ARM64"
    operating_system_family = "LINUX"
  }

  container_definitions = jsonencode([{
    name       = "clinic-api"
    image      = var.image
    essential  = true
    entryPoint = ["/clinic-api"]
    command    = ["serve"]

    user                   = "65532:65532"
    readonlyRootFilesystem = true
    privileged             = false
    linuxParameters        = { capabilities = { drop = ["ALL"] } }

    portMappings = [
      { name = "http", containerPort = local.http_port, hostPort = local.http_port, protocol = "tcp" },
      { name = "metrics", containerPort = local.metrics_port, hostPort = local.metrics_port, protocol = "tcp" },
    ]

    environment = [for name in sort(keys(local.environment)) : { name = name, value = local.environment[name] }]
    secrets = [
      { name = "CLINIC_API_SECRET_KEYS", valueFrom = var.secret_keys_secret_arn },
      { name = "CLINIC_API_SEARCH_KEYS", valueFrom = var.search_keys_secret_arn },
    ]

    # /livez: a new task does not help while DynamoDB is unreachable. The load balancer checks with /readyz whether the table
    # can be read.
    healthCheck = {
      command     = ["CMD", "/clinic-api", "healthcheck", "--live"]
      interval    = 10
      timeout     = 5
      retries     = 3
      startPeriod = 10
    }

    # 5 s shutdown delay, 30 s drain timeout, and a margin before SIGKILL.
    stopTimeout = 60

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.this.name
        "awslogs-region"        = local.region
        "awslogs-stream-prefix" = "serve"
        # An outage of CloudWatch Logs must not block requests.
        mode              = "non-blocking"
        "max-buffer-size" = "25m"
      }
    }

    mountPoints    = []
    systemControls = []
    volumesFrom    = []
  }])
}
