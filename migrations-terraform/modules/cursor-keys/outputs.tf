output "secret_arn" {
  description = "ARN of the secret that holds CLINIC_API_CURSOR_KEYS."
  value       = aws_secretsmanager_secret.this.arn
}
