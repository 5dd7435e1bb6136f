# The stream's Lambda function: only where there is one.

locals {
  stream = var.stream_consumer == null ? {} : { lambda = var.stream_consumer }
}

# A record leaves the stream after 24 hours, read or not: this alarm is the one against losing changes.
resource "aws_cloudwatch_metric_alarm" "stream_iterator_age" {
  for_each = local.stream

  alarm_name        = "${var.name}-stream-iterator-age"
  alarm_description = "The stream's consumer lags behind; records are lost after 24 hours. ${local.guide} stream-iterator-age."

  namespace           = "AWS/Lambda"
  metric_name         = "IteratorAge"
  dimensions          = { FunctionName = each.value.function_name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.thresholds.iterator_age_minutes * 60 * 1000
  # No data where nothing is written, but also where the mapping is off: that is for stream-stopped.
  treat_missing_data = "notBreaching"

  alarm_actions = local.actions
  ok_actions    = local.actions
}

# The function is not called at all: the mapping is disabled, or has lost its rights. Lambda has no datapoint then, so
# the missing data are the alarm. It can't know whether anybody writes: metric math with the table's writes would have
# no result just when one side has no datapoint, and AWS's documents disagree on whether an alarm on a metric of
# DynamoDB may treat missing data as anything. So it is for tables that are written every day, where the operator says so.
resource "aws_cloudwatch_metric_alarm" "stream_stopped" {
  for_each = var.thresholds.stream_silent_hours == null ? {} : local.stream

  alarm_name        = "${var.name}-stream-stopped"
  alarm_description = "The stream's function was not called for ${var.thresholds.stream_silent_hours} hours. ${local.guide} stream-stopped."

  namespace           = "AWS/Lambda"
  metric_name         = "Invocations"
  dimensions          = { FunctionName = each.value.function_name }
  statistic           = "Sum"
  period              = 900
  evaluation_periods  = 4 * var.thresholds.stream_silent_hours
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"

  alarm_actions = local.actions
  ok_actions    = local.actions
}

resource "aws_cloudwatch_metric_alarm" "stream_errors" {
  for_each = local.stream

  alarm_name        = "${var.name}-stream-errors"
  alarm_description = "The stream's function fails. ${local.guide} stream-errors."

  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = each.value.function_name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"

  alarm_actions = local.actions
  ok_actions    = local.actions
}

resource "aws_cloudwatch_metric_alarm" "stream_throttles" {
  for_each = local.stream

  alarm_name        = "${var.name}-stream-throttles"
  alarm_description = "Lambda holds back calls of the stream's function. ${local.guide} stream-throttles."

  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  dimensions          = { FunctionName = each.value.function_name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"

  alarm_actions = local.actions
  ok_actions    = local.actions
}

# The function does not fail on a change that it can't process: none of the other alarms sees that.
resource "aws_cloudwatch_metric_alarm" "stream_unprocessable" {
  for_each = local.stream

  alarm_name        = "${var.name}-stream-unprocessable"
  alarm_description = "Changes could not be processed and wait in the table as dead letters. ${local.guide} stream-unprocessable."

  namespace           = each.value.unprocessable_metric.namespace
  metric_name         = each.value.unprocessable_metric.name
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  # The metric has data only when there was such a change.
  treat_missing_data = "notBreaching"

  alarm_actions = local.actions
  ok_actions    = local.actions
}

# One message is one batch that was given up: somebody has to look.
resource "aws_cloudwatch_metric_alarm" "stream_dead_letters" {
  for_each = local.stream

  alarm_name        = "${var.name}-stream-dead-letters"
  alarm_description = "Batches of the stream were given up and wait in ${each.value.dead_letter_queue_name}. ${local.guide} stream-dead-letters."

  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = each.value.dead_letter_queue_name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  # SQS sends nothing for a queue that was idle for hours, and messages may wait in one: keep the state as it was.
  treat_missing_data = "ignore"

  alarm_actions = local.actions
  ok_actions    = local.actions
}
