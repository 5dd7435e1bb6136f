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
  service_trust            = var.service_trust
  worker_trust             = var.worker_trust
  backfill_principal_arns  = var.backfill_principal_arns
  permissions_boundary_arn = var.permissions_boundary_arn
  stream_consumer          = var.stream_consumer
  alarm_topic_arn          = var.alarm_topic_arn
  alarm_thresholds         = var.alarm_thresholds

  # Patient data.
  table_tags            = { data = "patients" }
  backup_retention_days = var.backup_retention_days
}
