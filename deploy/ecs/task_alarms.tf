# Alarms on the tasks of both ECS services. A task that was killed for lack of memory is replaced by a new one, so no counter of
# restarts shows it.

locals {
  # The names of the alarms, how many tasks must run at least, and in how many of the last minutes too few ran.
  tasks = merge(
    # Autoscaling raises the desired number about two minutes before the new tasks run. A deployment stops no old task early.
    { service = {
      ecs_service    = aws_ecs_service.this.name
      count_alarm    = "too-few-tasks"
      minimum        = var.scaling.min
      minutes        = 5
      of_minutes     = 15
      memory_alarm   = "task-memory"
      memory_percent = var.alarm_thresholds.task_memory_percent
    } },
    # Longer than a deployment, which stops one of two workers.
    { for key, worker in local.workers : key => {
      ecs_service    = aws_ecs_service.worker[key].name
      count_alarm    = "too-few-workers"
      minimum        = worker.count
      minutes        = 10
      of_minutes     = 10
      memory_alarm   = "worker-memory"
      memory_percent = var.alarm_thresholds.worker_memory_percent
    } },
  )
}

# Container Insights sends these metrics. If `cluster_name` names a cluster without it, the alarms are always on.
resource "aws_cloudwatch_metric_alarm" "task_count" {
  for_each = local.tasks

  alarm_name        = "${var.name}-${each.value.count_alarm}"
  alarm_description = "Fewer tasks run than desired. ${local.guide} ${each.value.count_alarm}."

  evaluation_periods  = each.value.of_minutes
  datapoints_to_alarm = each.value.minutes
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "breaching"

  # An operator can set the desired number to 0, so the configured minimum counts too.
  metric_query {
    id          = "missing"
    label       = "Missing tasks"
    expression  = "IF(desired > ${each.value.minimum}, desired, ${each.value.minimum}) - running"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { desired = "DesiredTaskCount", running = "RunningTaskCount" }

    content {
      id = metric_query.key

      metric {
        namespace   = "ECS/ContainerInsights"
        metric_name = metric_query.value
        dimensions  = { ClusterName = local.cluster_name, ServiceName = each.value.ecs_service }
        stat        = "Minimum"
        period      = 60
      }
    }
  }

  alarm_actions = local.actions
  ok_actions    = local.actions
}

# At 100 % the kernel ends the process.
resource "aws_cloudwatch_metric_alarm" "task_memory" {
  for_each = local.tasks

  alarm_name        = "${var.name}-${each.value.memory_alarm}"
  alarm_description = "A task uses nearly all of its memory. ${local.guide} ${each.value.memory_alarm}."

  namespace           = "AWS/ECS"
  metric_name         = "MemoryUtilization"
  dimensions          = { ClusterName = local.cluster_name, ServiceName = each.value.ecs_service }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.memory_percent
  # The other alarm detects that there is no task.
  treat_missing_data = "notBreaching"

  alarm_actions = local.actions
  ok_actions    = local.actions
}
