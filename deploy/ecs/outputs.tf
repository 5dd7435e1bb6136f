output "load_balancer_dns_name" {
  description = "DNS name for the alias record."
  value       = aws_lb.this.dns_name
}

output "load_balancer_zone_id" {
  description = "Hosted zone of that name, for the alias record."
  value       = aws_lb.this.zone_id
}

output "cluster_name" {
  description = "Name of the cluster."
  value       = local.cluster_name
}

output "service_name" {
  description = "Name of the ECS service."
  value       = aws_ecs_service.this.name
}

output "service_security_group_id" {
  description = "Security group of the tasks."
  value       = aws_security_group.service.id
}

output "log_group_name" {
  description = "Name of the log group."
  value       = aws_cloudwatch_log_group.this.name
}

output "alarm_names" {
  description = "Names of all alarms."
  value = sort(concat([
    aws_cloudwatch_metric_alarm.http_5xx.alarm_name,
    aws_cloudwatch_metric_alarm.load_balancer_5xx.alarm_name,
    aws_cloudwatch_metric_alarm.unhealthy_hosts.alarm_name,
    aws_cloudwatch_metric_alarm.too_few_healthy_hosts.alarm_name,
    aws_cloudwatch_metric_alarm.slow_responses.alarm_name,
    ],
    values(aws_cloudwatch_metric_alarm.task_count)[*].alarm_name,
    values(aws_cloudwatch_metric_alarm.task_memory)[*].alarm_name,
    values(aws_cloudwatch_metric_alarm.worker_lines)[*].alarm_name,
  ))
}
