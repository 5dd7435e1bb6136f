# Alarms on the stream's Lambda function, if it exists.

locals {
  stream = var.stream_consumer == null ? {} : { lambda = var.stream_consumer }
}

# DynamoDB deletes a record after 24 hours, even if nobody read it. This alarm prevents that loss.
resource "aws_cloudwatch_metric_alarm" "stream_iterator_age" {
  for_each = local.stream

  alarm_name        = "${var.name}-stream-iterator-age"
  alarm_description = "The stream's consumer is behind; records are lost after 24 hours. ${local.guide} stream-iterator-age."

  namespace           = "AWS/Lambda"
  metric_name         = "IteratorAge"
  dimensions          = { FunctionName = each.value.function_name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.thresholds.iterator_age_minutes * 60 * 1000
  # There are no data if nothing is written, but also if the mapping is disabled. stream-stopped detects the second.
  treat_missing_data = "notBreaching"

  alarm_actions = local.actions
  ok_actions    = local.actions
}

# The function is not called: the mapping is disabled or lost its permissions. Lambda then has no data points, so missing
# data raise the alarm. The alarm cannot know whether records, patients or appointments are written. Metric math with the table's writes has no
# result if one side has no data point, and AWS's documents disagree on how alarms on DynamoDB metrics treat missing
# data. So the alarm is for tables that are written every day, and the operator enables it.
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
  alarm_description = "Lambda throttles calls of the stream's function. ${local.guide} stream-throttles."

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

# The function does not fail on a change that it cannot process, so the other alarms do not detect it.
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
  # The metric has data only after such a change.
  treat_missing_data = "notBreaching"

  alarm_actions = local.actions
  ok_actions    = local.actions
}

# One message is one batch that Lambda gave up on. An operator must act.
resource "aws_cloudwatch_metric_alarm" "stream_dead_letters" {
  for_each = local.stream

  alarm_name        = "${var.name}-stream-dead-letters"
  alarm_description = "Lambda gave up on batches of the stream; they wait in ${each.value.dead_letter_queue_name}. ${local.guide} stream-dead-letters."

  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = each.value.dead_letter_queue_name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  # SQS sends no data for a queue that was idle for hours, although messages may wait in it: keep the state.
  treat_missing_data = "ignore"

  alarm_actions = local.actions
  ok_actions    = local.actions
}
