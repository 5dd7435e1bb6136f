# The table. A test compares this file with the table that `clinic-api table create` creates, so keys, index, projection,
# TTL and stream are literals. docs/keys.md lists all items and their keys. Before a change: ../../migrations/README.md.
resource "aws_dynamodb_table" "this" {
  name = var.table_name

  hash_key  = "PK"
  range_key = "SK"

  attribute {
    name = "PK"
    type = "S"
  }
  attribute {
    name = "SK"
    type = "S"
  }
  attribute {
    name = "GSI1PK"
    type = "S"
  }
  attribute {
    name = "GSI1SK"
    type = "S"
  }

  global_secondary_index {
    name            = "GSI1"
    projection_type = "ALL"

    key_schema {
      attribute_name = "GSI1PK"
      key_type       = "HASH"
    }
    key_schema {
      attribute_name = "GSI1SK"
      key_type       = "RANGE"
    }

    read_capacity  = local.capacity.gsi1.read
    write_capacity = local.capacity.gsi1.write
    dynamic "on_demand_throughput" {
      for_each = local.on_demand_limits
      content {
        max_read_request_units  = on_demand_throughput.value.read
        max_write_request_units = on_demand_throughput.value.write
      }
    }
    dynamic "warm_throughput" {
      for_each = local.warm_throughput
      content {
        read_units_per_second  = warm_throughput.value.read
        write_units_per_second = warm_throughput.value.write
      }
    }
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"

  # From here on: capacity (capacity.tf) and protection. Nothing below affects how items are read and written.
  billing_mode   = var.billing_mode
  table_class    = "STANDARD"
  read_capacity  = local.capacity.table.read
  write_capacity = local.capacity.table.write
  dynamic "on_demand_throughput" {
    for_each = local.on_demand_limits
    content {
      max_read_request_units  = on_demand_throughput.value.read
      max_write_request_units = on_demand_throughput.value.write
    }
  }
  dynamic "warm_throughput" {
    for_each = local.warm_throughput
    content {
      read_units_per_second  = warm_throughput.value.read
      write_units_per_second = warm_throughput.value.write
    }
  }

  point_in_time_recovery {
    enabled                 = true
    recovery_period_in_days = var.recovery_period_in_days
  }
  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }
  deletion_protection_enabled = var.deletion_protection_enabled
  tags                        = var.tags

  # AWS fills a new index from all existing items, and Terraform waits for it.
  timeouts { update = "24h" }
}
