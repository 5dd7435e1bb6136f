locals {
  environment = "prod"
}

module "environment" {
  source = "../../modules/environment"

  name                     = "clinic-api-${local.environment}"
  table_name               = var.table_name
  billing_mode             = var.billing_mode
  provisioned              = var.provisioned
  on_demand_limits         = var.on_demand_limits
  warm_throughput          = var.warm_throughput
  service_trust            = var.service_trust
  worker_trust             = var.worker_trust
  reseal_trust             = var.reseal_trust
  backfill_trust           = var.backfill_trust
  backfill_principal_arns  = var.backfill_principal_arns
  export_principal_arns    = var.export_principal_arns
  restored_table_name      = var.restored_table_name
  permissions_boundary_arn = var.permissions_boundary_arn
  stream_consumer          = var.stream_consumer
  alarm_topic_arn          = var.alarm_topic_arn
  alarm_thresholds         = var.alarm_thresholds

  # Patient data.
  table_tags            = { data = "patients" }
  backup_retention_days = var.backup_retention_days
  backup_copy_vault_arn = var.backup_copy_vault_arn
}
