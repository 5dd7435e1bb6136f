# Names are stable (`NAME-WHAT`). Each description names the heading of docs/runbook.md with the meaning and the actions.

locals {
  actions  = var.alarm_topic_arn == null ? [] : [var.alarm_topic_arn]
  guide    = "See docs/runbook.md, heading"
  balancer = { LoadBalancer = aws_lb.this.arn_suffix }
  target   = { LoadBalancer = aws_lb.this.arn_suffix, TargetGroup = aws_lb_target_group.this.arn_suffix }
}

# A ratio, so that it means the same with 10 and with 1,000 requests per second. With few requests a single failure is a large
# ratio, so there is a floor. Also rolls back a deployment (service.tf).
resource "aws_cloudwatch_metric_alarm" "http_5xx" {
  alarm_name        = "${var.name}-http-5xx"
  alarm_description = "The service returns 5xx. ${local.guide} http-5xx."

  evaluation_periods  = 5
  datapoints_to_alarm = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarm_thresholds.http_5xx_percent
  # No data: there was no request.
  treat_missing_data = "notBreaching"

  metric_query {
    id          = "percent"
    label       = "Percent of the requests, or 0 below the floor"
    expression  = "IF(FILL(errors, 0) > ${var.alarm_thresholds.http_5xx_floor_per_minute}, 100 * errors / requests, 0)"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { errors = "HTTPCode_Target_5XX_Count", requests = "RequestCount" }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/ApplicationELB"
        metric_name = metric_query.value
        dimensions  = local.target
        stat        = "Sum"
        period      = 60
      }
    }
  }

  alarm_actions = local.actions
  ok_actions    = local.actions
}

# The load balancer had no target, or got no response.
resource "aws_cloudwatch_metric_alarm" "load_balancer_5xx" {
  alarm_name        = "${var.name}-load-balancer-5xx"
  alarm_description = "The load balancer itself returns 5xx. ${local.guide} load-balancer-5xx."

  namespace           = "AWS/ApplicationELB"
  metric_name         = "HTTPCode_ELB_5XX_Count"
  dimensions          = local.balancer
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarm_thresholds.load_balancer_5xx_per_minute
  treat_missing_data  = "notBreaching"

  alarm_actions = local.actions
  ok_actions    = local.actions
}

resource "aws_cloudwatch_metric_alarm" "unhealthy_hosts" {
  alarm_name        = "${var.name}-unhealthy-hosts"
  alarm_description = "Tasks have not been ready for minutes. ${local.guide} unhealthy-hosts."

  namespace           = "AWS/ApplicationELB"
  metric_name         = "UnHealthyHostCount"
  dimensions          = local.target
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"

  alarm_actions = local.actions
  ok_actions    = local.actions
}

# The load balancer sends data while a task is registered. No data means that there is none.
resource "aws_cloudwatch_metric_alarm" "too_few_healthy_hosts" {
  alarm_name        = "${var.name}-too-few-healthy-hosts"
  alarm_description = "Fewer tasks are ready than the configured minimum. ${local.guide} too-few-healthy-hosts."

  namespace           = "AWS/ApplicationELB"
  metric_name         = "HealthyHostCount"
  dimensions          = local.target
  statistic           = "Minimum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "LessThanThreshold"
  threshold           = var.scaling.min
  treat_missing_data  = "breaching"

  alarm_actions = local.actions
  ok_actions    = local.actions
}

resource "aws_cloudwatch_metric_alarm" "slow_responses" {
  alarm_name        = "${var.name}-slow-responses"
  alarm_description = "The p99 latency is high. ${local.guide} slow-responses."

  namespace           = "AWS/ApplicationELB"
  metric_name         = "TargetResponseTime"
  dimensions          = local.target
  extended_statistic  = "p99"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarm_thresholds.p99_seconds
  treat_missing_data  = "notBreaching"
  # With few requests, a single slow one determines the percentile.
  evaluate_low_sample_count_percentiles = "ignore"

  alarm_actions = local.actions
  ok_actions    = local.actions
}
