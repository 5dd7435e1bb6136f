# The table: keys, what is kept and protected, and the index. A test compares this with the table that `clinic-api table create`
# creates, so the values are literals. docs/keys.md lists all items. Before a change: ../../migrations/README.md.
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

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"

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

    # From here on: capacity only (capacity.tf), first of the index, then of the table.
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

  billing_mode   = var.billing_mode
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

  # AWS fills a new index from all existing items, and Terraform waits for it.
  timeouts { update = "24h" }
}
