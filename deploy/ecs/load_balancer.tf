resource "aws_lb" "this" {
  name               = var.name
  load_balancer_type = "application"
  internal           = var.internal
  subnets            = var.load_balancer_subnet_ids
  security_groups    = [aws_security_group.load_balancer.id]

  # Below the service's 75 s, so that the service never closes a connection that the load balancer is about to use.
  idle_timeout = 60

  drop_invalid_header_fields = true
  desync_mitigation_mode     = "defensive"
  enable_deletion_protection = var.deletion_protection_enabled

  lifecycle {
    precondition {
      condition     = var.internal || var.web_acl_arn != null
      error_message = "An internet-facing load balancer needs a web ACL (web_acl_arn)."
    }
  }

  # They contain the queries of GET /v1/patients, so the bucket needs the protection of patient data, or there are none.
  dynamic "access_logs" {
    for_each = var.access_logs_bucket == null ? [] : [var.access_logs_bucket]

    content {
      enabled = true
      bucket  = access_logs.value
      prefix  = var.name
    }
  }
}

resource "aws_lb_target_group" "this" {
  #checkov:skip=CKV_AWS_378:TLS ends at the load balancer; the service accepts HTTP only, in private subnets, from the load balancer's security group
  name        = var.name
  vpc_id      = var.vpc_id
  target_type = "ip"
  port        = local.http_port
  protocol    = "HTTP"

  # ECS deregisters a task, waits for this time, and then sends SIGTERM. A request takes at most 30 s.
  deregistration_delay = 35

  # A task that fails every request is fast, so the algorithm of least outstanding requests would send it more. This one sends
  # fewer requests to a task that fails more often than the others. It needs at least three healthy tasks for that.
  load_balancing_algorithm_type     = "weighted_random"
  load_balancing_anomaly_mitigation = "on"

  # The figures of Kubernetes' readiness probe. The service reads the table twice before it returns 503, which takes up to 3.6 s.
  # ECS also replaces tasks that are unhealthy here. health_check_grace_period_seconds in service.tf limits that.
  health_check {
    path                = "/readyz"
    matcher             = "200"
    interval            = 5
    timeout             = 4
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

# There is no listener on port 80: a redirect would come after a client has sent its token unencrypted.
resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  certificate_arn   = var.certificate_arn
  ssl_policy        = var.ssl_policy

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
}

resource "aws_wafv2_web_acl_association" "this" {
  count = var.web_acl_arn == null ? 0 : 1

  resource_arn = aws_lb.this.arn
  web_acl_arn  = var.web_acl_arn
}
