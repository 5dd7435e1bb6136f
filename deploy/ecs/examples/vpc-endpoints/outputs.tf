output "endpoint_security_group_ids" {
  description = "For endpoint_security_group_ids of examples/prod."
  value       = [aws_security_group.endpoints.id]
}

output "dynamodb_endpoint_id" {
  description = "Id of DynamoDB's gateway endpoint."
  value       = aws_vpc_endpoint.gateway["dynamodb"].id
}
