output "function_name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "unprocessable_metric" {
  description = "Namespace and name of the metric of unprocessable changes."
  value = {
    namespace = aws_cloudwatch_log_metric_filter.unprocessable.metric_transformation[0].namespace
    name      = aws_cloudwatch_log_metric_filter.unprocessable.metric_transformation[0].name
  }
}

output "dead_letter_queue_name" {
  description = "Name of the dead-letter queue."
  value       = aws_sqs_queue.dead_letters.name
}

output "dead_letter_queue_url" {
  description = "URL of that queue."
  value       = aws_sqs_queue.dead_letters.url
}
