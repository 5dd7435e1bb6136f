locals {
  environment = "dev"
  name        = "clinic-api-${local.environment}"
}

module "table_key" {
  source = "../../modules/key"

  alias       = "${local.name}-table"
  description = "The table of ${local.name}, its index, stream and point-in-time backups."
}

module "operations_key" {
  source = "../../modules/key"

  alias           = "${local.name}-operations"
  description     = "What runs beside the table of ${local.name}: logs, the cursor keys, the dead-letter queue."
  cloudwatch_logs = true
}

module "table" {
  source = "../../modules/table"

  table_name       = var.table_name
  kms_key_arn      = module.table_key.arn
  billing_mode     = var.billing_mode
  provisioned      = var.provisioned
  on_demand_limits = var.on_demand_limits

  # Made-up data: a few days back are enough.
  recovery_period_in_days     = 7
  deletion_protection_enabled = var.deletion_protection_enabled
}

module "cursor_keys" {
  source = "../../modules/cursor-keys"

  name        = local.name
  kms_key_arn = module.operations_key.arn
}

module "iam" {
  source = "../../modules/iam"

  name                     = local.name
  table_arn                = module.table.table_arn
  index_arns               = module.table.index_arns
  stream_arn               = module.table.stream_arn
  table_key_arn            = module.table_key.arn
  cursor_keys_secret_arn   = module.cursor_keys.secret_arn
  secret_key_arn           = module.operations_key.arn
  service_trust            = var.service_trust
  worker_trust             = var.worker_trust
  backfill_principal_arns  = var.backfill_principal_arns
  permissions_boundary_arn = var.permissions_boundary_arn
}

module "stream_consumer" {
  source = "../../modules/stream-consumer"
  count  = var.stream_consumer == null ? 0 : 1

  name                    = local.name
  package                 = var.stream_consumer.package
  enabled                 = var.stream_consumer.enabled
  code_signing_config_arn = var.stream_consumer.code_signing_config_arn
  table_name              = module.table.table_name
  stream_arn              = module.table.stream_arn
  role_arn                = module.iam.lambda_role_arn
  role_name               = module.iam.lambda_role_name
  kms_key_arn             = module.operations_key.arn
}

module "alarms" {
  source = "../../modules/alarms"

  name             = local.name
  sns_topic_arn    = var.alarm_topic_arn
  table_name       = module.table.table_name
  index_names      = module.table.index_names
  billing_mode     = module.table.billing_mode
  on_demand_limits = var.on_demand_limits
  thresholds       = var.alarm_thresholds
  stream_consumer = var.stream_consumer == null ? null : {
    function_name          = module.stream_consumer[0].function_name
    dead_letter_queue_name = module.stream_consumer[0].dead_letter_queue_name
  }
}
