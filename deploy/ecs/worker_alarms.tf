# Alarms on the worker's log. Without the worker there are no events, no audit log and no access log, and callers notice nothing.

locals {
  # Lines of the worker's log, how many of them in five minutes fire the alarm, and in how many periods.
  worker_lines = var.worker == null ? {} : {
    worker-stream-fails = { messages = ["reading the stream failed; retrying", "listing the shards failed; retrying", "reading a shard failed; restarting at its checkpoint"], above = 0, periods = 3, description = "The worker cannot read the stream. Records are lost after 24 hours." }
    worker-dead-letters = { messages = ["a change became a dead letter"], above = 0, periods = 1, description = "The worker could not process changes; they wait in the table as dead letters." }
    worker-changes-lost = { messages = ["stream records expired before they were read: changes are lost"], above = 0, periods = 1, description = "Changes left the stream before a worker read them." }
  }
}

resource "aws_cloudwatch_log_metric_filter" "worker" {
  for_each = local.worker_lines

  name           = "${var.name}-${each.key}"
  log_group_name = aws_cloudwatch_log_group.this.name
  pattern        = "{ ${join(" || ", [for text in each.value.messages : "($.message = \"${text}\")"])} }"

  metric_transformation {
    namespace = "ClinicApi"
    name      = "${var.name}-${each.key}"
    value     = "1"
    unit      = "Count"
  }
}

resource "aws_cloudwatch_metric_alarm" "worker_lines" {
  for_each = local.worker_lines

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "${each.value.description} ${local.guide} ${each.key}."

  namespace           = "ClinicApi"
  metric_name         = aws_cloudwatch_log_metric_filter.worker[each.key].metric_transformation[0].name
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = each.value.periods
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  # The metric has data only after such a line.
  treat_missing_data = "notBreaching"

  alarm_actions = local.actions
  ok_actions    = local.actions
}
