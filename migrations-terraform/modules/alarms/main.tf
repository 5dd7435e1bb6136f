# Alarms on the table. Names are stable (`NAME-WHAT`). Each description names the heading of docs/runbook.md with the
# meaning and the actions. CloudWatch has no data while nothing happens: this is not an alarm, unless a comment says so.

locals {
  actions = var.sns_topic_arn == null ? [] : [var.sns_topic_arn]
  guide   = "See docs/runbook.md, heading"

  # An index has its own metrics. The metrics of the table do not include them.
  parts = merge(
    { table = { label = "table ${var.table_name}", suffix = "", dimensions = { TableName = var.table_name } } },
    {
      for index in var.index_names : index => {
        label      = "index ${index} of table ${var.table_name}"
        suffix     = "-${lower(index)}"
        dimensions = { TableName = var.table_name, GlobalSecondaryIndexName = index }
      }
    },
  )

  # All operations that the service and the stream's consumers call: DynamoDB counts errors per operation only.
  operations = ["GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"]
}

resource "aws_cloudwatch_metric_alarm" "throttled_reads" {
  for_each = local.parts

  alarm_name        = "${var.name}-throttled-reads${each.value.suffix}"
  alarm_description = "DynamoDB throttles reads of ${each.value.label}. ${local.guide} throttled-reads."

  namespace           = "AWS/DynamoDB"
  metric_name         = "ReadThrottleEvents"
  dimensions          = each.value.dimensions
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.thresholds.throttled_per_minute
  treat_missing_data  = "notBreaching"

  alarm_actions = local.actions
  ok_actions    = local.actions
}

# A throttled index also delays writes to the table.
resource "aws_cloudwatch_metric_alarm" "throttled_writes" {
  for_each = local.parts

  alarm_name        = "${var.name}-throttled-writes${each.value.suffix}"
  alarm_description = "DynamoDB throttles writes of ${each.value.label}. ${local.guide} throttled-writes."

  namespace           = "AWS/DynamoDB"
  metric_name         = "WriteThrottleEvents"
  dimensions          = each.value.dimensions
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.thresholds.throttled_per_minute
  treat_missing_data  = "notBreaching"

  alarm_actions = local.actions
  ok_actions    = local.actions
}

resource "aws_cloudwatch_metric_alarm" "system_errors" {
  alarm_name        = "${var.name}-system-errors"
  alarm_description = "DynamoDB returns 5xx for table ${var.table_name}. ${local.guide} system-errors."

  evaluation_periods  = 5
  datapoints_to_alarm = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.thresholds.system_errors_per_minute
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "errors"
    label       = "System errors of all operations"
    expression  = "SUM(FILL(METRICS(), 0))"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = local.operations

    content {
      id = lower(metric_query.value)

      metric {
        namespace   = "AWS/DynamoDB"
        metric_name = "SystemErrors"
        dimensions  = { TableName = var.table_name, Operation = metric_query.value }
        stat        = "Sum"
        period      = 60
      }
    }
  }

  alarm_actions = local.actions
  ok_actions    = local.actions
}

# A few concurrent bookings of one day sheet are normal. Many, for minutes, mean a hot day sheet or a client in a loop.
resource "aws_cloudwatch_metric_alarm" "transaction_conflicts" {
  alarm_name        = "${var.name}-transaction-conflicts"
  alarm_description = "Many transactions on table ${var.table_name} conflict. ${local.guide} transaction-conflicts."

  namespace           = "AWS/DynamoDB"
  metric_name         = "TransactionConflict"
  dimensions          = { TableName = var.table_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.thresholds.transaction_conflicts_per_5_minutes
  treat_missing_data  = "notBreaching"

  alarm_actions = local.actions
  ok_actions    = local.actions
}

# DynamoDB counts these per account and region. In a shared account they include the errors of other programs.
resource "aws_cloudwatch_metric_alarm" "user_errors" {
  count = var.thresholds.user_errors_per_5_minutes == null ? 0 : 1

  alarm_name        = "${var.name}-user-errors"
  alarm_description = "DynamoDB rejects requests of this account as invalid (4xx). ${local.guide} user-errors."

  namespace           = "AWS/DynamoDB"
  metric_name         = "UserErrors"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 2
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.thresholds.user_errors_per_5_minutes
  treat_missing_data  = "notBreaching"

  alarm_actions = local.actions
  ok_actions    = local.actions
}
