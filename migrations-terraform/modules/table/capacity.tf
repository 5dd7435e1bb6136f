# Provisioned capacity that autoscaling changes and Terraform does not reset.
#
# `ignore_changes` does not work. It cannot be conditional. It can ignore the capacity of an index only together with the
# index, so new indexes would be ignored too. And a switch from on-demand would start at 1 unit. With two resources, one
# per mode, a switch of the mode would delete the table. So the configuration follows the table. If the table exists and is
# provisioned, the configured capacity is its current one, and no plan changes it. If it is new or on-demand, it is
# the initial capacity. Do not set `depends_on` on this module: the plan must read the table.

locals {
  provisioned = var.billing_mode == "PROVISIONED"

  live = one(data.aws_dynamodb_table.live[*])
  live_gsi1 = local.live == null ? null : one([
    for index in local.live.global_secondary_index : index if index.name == "GSI1"
  ])

  # An on-demand table has a current capacity of 0.
  live_capacity = {
    table = {
      read  = local.live == null ? 0 : local.live.read_capacity
      write = local.live == null ? 0 : local.live.write_capacity
    }
    gsi1 = {
      read  = local.live_gsi1 == null ? 0 : local.live_gsi1.read_capacity
      write = local.live_gsi1 == null ? 0 : local.live_gsi1.write_capacity
    }
  }

  capacity = {
    for what, live in local.live_capacity : what => {
      read  = !local.provisioned ? null : live.read > 0 ? live.read : coalesce(var.provisioned.read.initial, var.provisioned.read.min)
      write = !local.provisioned ? null : live.write > 0 ? live.write : coalesce(var.provisioned.write.initial, var.provisioned.write.min)
    }
  }

  # Capacity that is available at once, without the minutes that DynamoDB needs to grow.
  warm_throughput  = var.warm_throughput == null ? [] : [var.warm_throughput]
  on_demand_limits = local.provisioned || var.on_demand_limits == null ? [] : [var.on_demand_limits]

  # The targets of autoscaling: reads and writes, of the table and of the index.
  scaled = !local.provisioned ? {} : {
    "table-read"  = { resource = "table/${var.table_name}", dimension = "dynamodb:table:ReadCapacityUnits", metric = "DynamoDBReadCapacityUtilization", range = var.provisioned.read }
    "table-write" = { resource = "table/${var.table_name}", dimension = "dynamodb:table:WriteCapacityUnits", metric = "DynamoDBWriteCapacityUtilization", range = var.provisioned.write }
    "gsi1-read"   = { resource = "table/${var.table_name}/index/GSI1", dimension = "dynamodb:index:ReadCapacityUnits", metric = "DynamoDBReadCapacityUtilization", range = var.provisioned.read }
    "gsi1-write"  = { resource = "table/${var.table_name}/index/GSI1", dimension = "dynamodb:index:WriteCapacityUnits", metric = "DynamoDBWriteCapacityUtilization", range = var.provisioned.write }
  }
}

data "aws_dynamodb_tables" "all" {
  count = local.provisioned ? 1 : 0
}

data "aws_dynamodb_table" "live" {
  count = local.provisioned && contains(flatten(data.aws_dynamodb_tables.all[*].names), var.table_name) ? 1 : 0

  name = var.table_name
}

resource "aws_appautoscaling_target" "capacity" {
  for_each = local.scaled

  service_namespace  = "dynamodb"
  resource_id        = each.value.resource
  scalable_dimension = each.value.dimension
  min_capacity       = each.value.range.min
  max_capacity       = each.value.range.max

  depends_on = [aws_dynamodb_table.this]
}

resource "aws_appautoscaling_policy" "capacity" {
  for_each = local.scaled

  name               = "${var.table_name}-${each.key}"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.capacity[each.key].service_namespace
  resource_id        = aws_appautoscaling_target.capacity[each.key].resource_id
  scalable_dimension = aws_appautoscaling_target.capacity[each.key].scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value = var.provisioned.target_utilization

    predefined_metric_specification {
      predefined_metric_type = each.value.metric
    }
  }
}
