output "table_name" {
  description = "CLINIC_API_TABLE."
  value       = module.table.table_name
}

output "table_arn" {
  description = "ARN of the table."
  value       = module.table.table_arn
}

output "stream_arn" {
  description = "ARN of the table's stream."
  value       = module.table.stream_arn
}

output "service_role_arn" {
  description = "Role of `clinic-api serve`: the ECS task role, or the role of its Kubernetes service account."
  value       = module.iam.service_role_arn
}

output "worker_role_arn" {
  description = "Role of `clinic-api worker`."
  value       = module.iam.worker_role_arn
}

output "worker_tasks" {
  description = "CLINIC_API_WORKER_TASKS: without `stream` while the Lambda function reads the stream."
  value       = try(coalesce(var.stream_consumer.enabled, true), false) ? "deliveries" : "stream,deliveries"
}

output "reseal_role_arn" {
  description = "Role of `clinic-api worker reseal-secrets`. null if `reseal_trust` is empty."
  value       = module.iam.reseal_role_arn
}

output "backfill_role_arn" {
  description = "Role for a migration or a rotation of the search keys. null if `backfill_principal_arns` and `backfill_trust` are empty."
  value       = module.iam.backfill_role_arn
}

output "export_role_arn" {
  description = "Role of `clinic-api patients export`. null if `export_principal_arns` is empty."
  value       = module.iam.export_role_arn
}

output "secret_keys_secret_arn" {
  description = "Secret with CLINIC_API_SECRET_KEYS."
  value       = module.secret_keys.secret_arn
}

output "search_keys_secret_arn" {
  description = "Secret with CLINIC_API_SEARCH_KEYS."
  value       = module.search_keys.secret_arn
}

output "secret_keys_policy_arn" {
  description = "Policy that allows reading both secrets, for execution roles."
  value       = module.iam.secret_keys_policy_arn
}

output "operations_key_arn" {
  description = "KMS key of log groups, of the secrets and of the dead-letter queue."
  value       = module.operations_key.arn
}

output "alarm_names" {
  description = "Names of all alarms."
  value       = module.alarms.alarm_names
}
