# Allowed: clients → load balancer (443) → service (8080) → AWS (443) and, if configured, an
# OpenTelemetry collector (4318). Nothing else.

resource "aws_security_group" "load_balancer" {
  name        = "${var.name}-load-balancer"
  description = "Load balancer of ${var.name}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-load-balancer" }
}

resource "aws_vpc_security_group_ingress_rule" "https" {
  for_each = toset(var.client_cidr_blocks)

  security_group_id = aws_security_group.load_balancer.id
  description       = "HTTPS from clients"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "load_balancer_to_service" {
  security_group_id            = aws_security_group.load_balancer.id
  description                  = "Requests and health checks"
  referenced_security_group_id = aws_security_group.service.id
  ip_protocol                  = "tcp"
  from_port                    = local.http_port
  to_port                      = local.http_port
}

resource "aws_security_group" "service" {
  name        = "${var.name}-service"
  description = "Tasks of ${var.name}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-service" }
}

resource "aws_vpc_security_group_ingress_rule" "service_from_load_balancer" {
  security_group_id            = aws_security_group.service.id
  description                  = "Requests and health checks"
  referenced_security_group_id = aws_security_group.load_balancer.id
  ip_protocol                  = "tcp"
  from_port                    = local.http_port
  to_port                      = local.http_port
}

resource "aws_vpc_security_group_ingress_rule" "metrics" {
  for_each = toset(var.metrics_security_group_ids)

  security_group_id            = aws_security_group.service.id
  description                  = "Prometheus"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = local.metrics_port
  to_port                      = local.metrics_port
}

# DynamoDB, and S3 for image layers, through their gateway endpoints (or NAT).
data "aws_ec2_managed_prefix_list" "this" {
  for_each = toset(["dynamodb", "s3"])

  name = "com.amazonaws.${local.region}.${each.value}"
}

resource "aws_vpc_security_group_egress_rule" "service_to_prefix_lists" {
  for_each = data.aws_ec2_managed_prefix_list.this

  security_group_id = aws_security_group.service.id
  description       = "HTTPS to ${each.key}"
  prefix_list_id    = each.value.id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

# ECR, CloudWatch Logs and Secrets Manager, through interface endpoints or NAT.
resource "aws_vpc_security_group_egress_rule" "service_to_endpoints" {
  for_each = toset(var.endpoint_security_group_ids)

  security_group_id            = aws_security_group.service.id
  description                  = "HTTPS to interface endpoints"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "service_to_collector" {
  for_each = toset(var.traces.collector_security_group_ids)

  security_group_id            = aws_security_group.service.id
  description                  = "Spans to the collector"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = local.collector_port
  to_port                      = local.collector_port
}

# The rule on the endpoints' side. The apply that creates the service's group also waits for its tasks, so no one could add it in between.
resource "aws_vpc_security_group_ingress_rule" "endpoints_from_service" {
  for_each = toset(var.open_endpoints ? var.endpoint_security_group_ids : [])

  security_group_id            = each.value
  description                  = "HTTPS from the tasks of ${var.name}"
  referenced_security_group_id = aws_security_group.service.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "service_to_cidr_blocks" {
  for_each = toset(var.egress_cidr_blocks)

  security_group_id = aws_security_group.service.id
  description       = "HTTPS to AWS where there are no interface endpoints"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
