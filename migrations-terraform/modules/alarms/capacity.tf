# Consumption near its limit: the provisioned capacity or, on-demand, the quota per table (or the configured limit).

locals {
  provisioned = var.billing_mode == "PROVISIONED"

  # AWS's default on-demand quota of one table, and of one index. It applies if no limit is configured.
  quota = 40000
  limits = {
    for unit in ["read", "write"] : unit => try(var.on_demand_limits[unit], -1) < 1 ? local.quota : var.on_demand_limits[unit]
  }

  capacity = {
    for watched in flatten([
      for part, what in local.parts : [
        { key = "read${what.suffix}", unit = "Read", limit = local.limits.read, label = what.label, dimensions = what.dimensions },
        { key = "write${what.suffix}", unit = "Write", limit = local.limits.write, label = what.label, dimensions = what.dimensions },
      ]
    ]) : watched.key => watched
  }
}

resource "aws_cloudwatch_metric_alarm" "capacity" {
  for_each = local.capacity

  # read-capacity, write-capacity, read-capacity-gsi1, write-capacity-gsi1
  alarm_name        = "${var.name}-${lower(each.value.unit)}-capacity${trimprefix(each.key, lower(each.value.unit))}"
  alarm_description = "${each.value.unit} capacity of ${each.value.label} is nearly used up. ${local.guide} ${lower(each.value.unit)}-capacity."

  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.thresholds.capacity_percent
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "used"
    label       = "Percent of the limit"
    expression  = local.provisioned ? "100 * (consumed / PERIOD(consumed)) / provisioned" : "100 * (consumed / PERIOD(consumed)) / ${each.value.limit}"
    return_data = true
  }

  metric_query {
    id = "consumed"

    metric {
      namespace   = "AWS/DynamoDB"
      metric_name = "Consumed${each.value.unit}CapacityUnits"
      dimensions  = each.value.dimensions
      stat        = "Sum"
      period      = 300
    }
  }

  dynamic "metric_query" {
    for_each = local.provisioned ? [1] : []

    content {
      id = "provisioned"

      metric {
        namespace   = "AWS/DynamoDB"
        metric_name = "Provisioned${each.value.unit}CapacityUnits"
        dimensions  = each.value.dimensions
        stat        = "Average"
        period      = 300
      }
    }
  }

  alarm_actions = local.actions
  ok_actions    = local.actions
}
