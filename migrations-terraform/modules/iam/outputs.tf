output "service_policy_arn" {
  description = "Policy of `clinic-api serve`."
  value       = aws_iam_policy.service.arn
}

output "service_role_arn" {
  description = "Role of `clinic-api serve`: ECS task role, or the role of its Kubernetes service account. null if `service_trust` is empty."
  value       = one(aws_iam_role.service[*].arn)
  # The role must not be used before it has its policy.
  depends_on = [aws_iam_role_policy_attachment.service]
}

output "worker_policy_arn" {
  description = "Policy of the stream worker."
  value       = aws_iam_policy.worker.arn
}

output "worker_role_arn" {
  description = "Role of the stream worker. null if `worker_trust` is empty."
  value       = one(aws_iam_role.worker[*].arn)
  depends_on  = [aws_iam_role_policy_attachment.worker]
}

output "lambda_role_arn" {
  description = "Role of the stream's Lambda function. null without `stream_function`."
  value       = one(aws_iam_role.lambda[*].arn)
  depends_on  = [aws_iam_role_policy_attachment.lambda]
}

output "lambda_role_name" {
  description = "Name of that role. The module stream-consumer adds permissions to it."
  value       = one(aws_iam_role.lambda[*].name)
}

output "reseal_role_arn" {
  description = "Role of `clinic-api worker reseal-secrets`. null if `reseal_trust` is empty."
  value       = one(aws_iam_role.reseal[*].arn)
  depends_on  = [aws_iam_role_policy_attachment.reseal]
}

output "export_role_arn" {
  description = "Role of `clinic-api patients export`. null if `export_principal_arns` is empty."
  value       = one(aws_iam_role.export[*].arn)
  depends_on  = [aws_iam_role_policy_attachment.export]
}

output "backfill_role_arn" {
  description = "Role of `clinic-api table backfill`. null if `backfill_principal_arns` and `backfill_trust` are empty."
  value       = one(aws_iam_role.backfill[*].arn)
  depends_on  = [aws_iam_role_policy_attachment.backfill]
}

output "secret_keys_policy_arn" {
  description = "Policy that allows reading the secret keys and the search keys, for execution roles only."
  value       = aws_iam_policy.secret_keys.arn
}
