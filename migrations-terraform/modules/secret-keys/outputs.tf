output "secret_arn" {
  description = "ARN of the secret that holds CLINIC_API_SECRET_KEYS."
  value       = aws_secretsmanager_secret.this.arn
}
