output "table_name" {
  description = "Name of the table, for CLINIC_API_TABLE."
  value       = aws_dynamodb_table.this.name
}

output "table_arn" {
  description = "ARN of the table."
  value       = aws_dynamodb_table.this.arn
}

output "index_names" {
  description = "Names of the table's indexes."
  value       = ["GSI1"]
}

output "index_arns" {
  description = "ARNs of the table's indexes."
  value       = ["${aws_dynamodb_table.this.arn}/index/GSI1"]
}

output "stream_arn" {
  description = "ARN of the table's stream."
  value       = aws_dynamodb_table.this.stream_arn
}

output "billing_mode" {
  description = "Billing mode of the table."
  value       = var.billing_mode
}
