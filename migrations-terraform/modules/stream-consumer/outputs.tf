output "function_name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "unprocessable_metric" {
  description = "Metric of the changes that could not be processed: its namespace and name."
  value = {
    namespace = aws_cloudwatch_log_metric_filter.unprocessable.metric_transformation[0].namespace
    name      = aws_cloudwatch_log_metric_filter.unprocessable.metric_transformation[0].name
  }
}

output "dead_letter_queue_name" {
  description = "Name of the queue with batches that were given up."
  value       = aws_sqs_queue.dead_letters.name
}

output "dead_letter_queue_url" {
  description = "URL of that queue."
  value       = aws_sqs_queue.dead_letters.url
}
