# The service in production, on the table that migrations-terraform/environments/prod created.

data "terraform_remote_state" "table" {
  backend = "s3"

  config = {
    bucket = var.state_bucket
    key    = "clinic-api/prod/terraform.tfstate"
    region = var.region
  }
}

locals {
  table = data.terraform_remote_state.table.outputs.environment
}

module "service" {
  source = "../.."

  name               = "clinic-api-prod"
  image              = var.image
  ecr_repository_arn = var.ecr_repository_arn
  issuer             = var.issuer
  audience           = var.audience
  jwks_url           = var.jwks_url
  traces             = var.traces
  scaling            = var.scaling

  table_name             = local.table.table_name
  task_role_arn          = local.table.service_role_arn
  worker                 = { task_role_arn = local.table.worker_role_arn, tasks = local.table.worker_tasks }
  secret_keys_secret_arn = local.table.secret_keys_secret_arn
  search_keys_secret_arn = local.table.search_keys_secret_arn
  secret_keys_policy_arn = local.table.secret_keys_policy_arn
  logs_kms_key_arn       = local.table.operations_key_arn

  vpc_id                      = var.vpc_id
  load_balancer_subnet_ids    = var.private_subnet_ids
  service_subnet_ids          = var.private_subnet_ids
  client_cidr_blocks          = var.client_cidr_blocks
  endpoint_security_group_ids = var.endpoint_security_group_ids
  open_endpoints              = var.open_endpoints
  egress_cidr_blocks          = var.egress_cidr_blocks
  metrics_security_group_ids  = var.metrics_security_group_ids
  metrics_namespace           = var.metrics_namespace

  certificate_arn    = var.certificate_arn
  access_logs_bucket = var.access_logs_bucket
  web_acl_arn        = var.web_acl_arn
  alarm_topic_arn    = var.alarm_topic_arn
}
