output "alarm_names" {
  description = "Names of all alarms."
  value = sort(concat(
    values(aws_cloudwatch_metric_alarm.throttled_reads)[*].alarm_name,
    values(aws_cloudwatch_metric_alarm.throttled_writes)[*].alarm_name,
    values(aws_cloudwatch_metric_alarm.capacity)[*].alarm_name,
    [
      aws_cloudwatch_metric_alarm.system_errors.alarm_name,
      aws_cloudwatch_metric_alarm.transaction_conflicts.alarm_name,
    ],
    aws_cloudwatch_metric_alarm.user_errors[*].alarm_name,
    values(aws_cloudwatch_metric_alarm.stream_iterator_age)[*].alarm_name,
    values(aws_cloudwatch_metric_alarm.stream_stopped)[*].alarm_name,
    values(aws_cloudwatch_metric_alarm.stream_errors)[*].alarm_name,
    values(aws_cloudwatch_metric_alarm.stream_throttles)[*].alarm_name,
    values(aws_cloudwatch_metric_alarm.stream_unprocessable)[*].alarm_name,
    values(aws_cloudwatch_metric_alarm.stream_dead_letters)[*].alarm_name,
  ))
}
