# All resources of one environment. environments/ has the differences between dev and prod.

locals {
  # The restored table is in the same account and region.
  restored_table_arn = var.restored_table_name == null ? null : "${trimsuffix(module.table.table_arn, var.table_name)}${var.restored_table_name}"
}

module "table_key" {
  source = "../key"

  alias       = "${var.name}-table"
  description = "The table of ${var.name}, its index, stream and point-in-time backups."
}

module "operations_key" {
  source = "../key"

  alias           = "${var.name}-operations"
  description     = "Resources around the table of ${var.name}: logs, the secret keys and search keys, the dead-letter queue."
  cloudwatch_logs = true
}

module "table" {
  source = "../table"

  table_name                  = var.table_name
  kms_key_arn                 = module.table_key.arn
  billing_mode                = var.billing_mode
  provisioned                 = var.provisioned
  on_demand_limits            = var.on_demand_limits
  warm_throughput             = var.warm_throughput
  recovery_period_in_days     = var.recovery_period_in_days
  deletion_protection_enabled = var.deletion_protection_enabled
  tags                        = var.table_tags
}

module "secret_keys" {
  source = "../secret-keys"

  name                 = "${var.name}/secret-keys"
  description          = "CLINIC_API_SECRET_KEYS of ${var.name}: 32-byte keys, comma-separated; the first one encrypts."
  kms_key_arn          = module.operations_key.arn
  recovery_window_days = var.secret_recovery_window_days
}

# A separate secret: the worker uses the secret keys and not these.
module "search_keys" {
  source = "../secret-keys"

  name                 = "${var.name}/search-keys"
  description          = "CLINIC_API_SEARCH_KEYS of ${var.name}: 32-byte keys, comma-separated; new patients use the first one."
  kms_key_arn          = module.operations_key.arn
  recovery_window_days = var.secret_recovery_window_days
}

module "iam" {
  source = "../iam"

  name                     = var.name
  table_arn                = module.table.table_arn
  index_arns               = module.table.index_arns
  stream_arn               = module.table.stream_arn
  table_key_arn            = module.table_key.arn
  secret_keys_secret_arn   = module.secret_keys.secret_arn
  search_keys_secret_arn   = module.search_keys.secret_arn
  secret_key_arn           = module.operations_key.arn
  service_trust            = var.service_trust
  worker_trust             = var.worker_trust
  reseal_trust             = var.reseal_trust
  backfill_trust           = var.backfill_trust
  stream_function          = var.stream_consumer != null
  backfill_principal_arns  = var.backfill_principal_arns
  export_principal_arns    = var.export_principal_arns
  restored_table_arn       = local.restored_table_arn
  permissions_boundary_arn = var.permissions_boundary_arn
}

module "stream_consumer" {
  source = "../stream-consumer"
  count  = var.stream_consumer == null ? 0 : 1

  name                    = var.name
  package                 = var.stream_consumer.package
  enabled                 = var.stream_consumer.enabled
  code_signing_config_arn = var.stream_consumer.code_signing_config_arn
  reserved_concurrency    = var.stream_consumer.reserved_concurrency
  parallelization_factor  = var.stream_consumer.parallelization_factor
  environment             = coalesce(var.stream_consumer.environment, {})
  table_name              = module.table.table_name
  stream_arn              = module.table.stream_arn
  role_arn                = module.iam.lambda_role_arn
  role_name               = module.iam.lambda_role_name
  kms_key_arn             = module.operations_key.arn
}

module "alarms" {
  source = "../alarms"

  name             = var.name
  sns_topic_arn    = var.alarm_topic_arn
  table_name       = module.table.table_name
  index_names      = module.table.index_names
  billing_mode     = module.table.billing_mode
  on_demand_limits = var.on_demand_limits
  thresholds       = var.alarm_thresholds
  stream_consumer = var.stream_consumer == null ? null : {
    function_name          = module.stream_consumer[0].function_name
    dead_letter_queue_name = module.stream_consumer[0].dead_letter_queue_name
    unprocessable_metric   = module.stream_consumer[0].unprocessable_metric
  }
}

module "backup_key" {
  source = "../key"
  count  = var.backup_retention_days == null ? 0 : 1

  alias       = "${var.name}-backup"
  description = "Backups of the table of ${var.name}."
}

module "backup" {
  source = "../backup"
  count  = var.backup_retention_days == null ? 0 : 1

  name                     = var.name
  table_arn                = module.table.table_arn
  kms_key_arn              = module.backup_key[0].arn
  daily_retention_days     = var.backup_retention_days.daily
  monthly_retention_days   = var.backup_retention_days.monthly
  copy_vault_arn           = var.backup_copy_vault_arn
  permissions_boundary_arn = var.permissions_boundary_arn
}
