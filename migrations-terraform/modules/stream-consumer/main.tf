# The stream's consumer on Lambda. The module iam has its permissions on the table. This module has the function, the event
# source mapping, the log group with a metric of unprocessable changes, and the dead-letter queue.

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${local.function_name}"
  kms_key_id        = var.kms_key_arn
  retention_in_days = var.log_retention_days
}

# A change that cannot be processed becomes a dead letter in the table, and the function continues. Only this line of its log
# shows it. CloudWatch Logs counts the line, so the function's role needs no permission for it.
resource "aws_cloudwatch_log_metric_filter" "unprocessable" {
  name           = "${local.function_name}-unprocessable"
  log_group_name = aws_cloudwatch_log_group.this.name
  pattern        = "{ $.message = \"a change became a dead letter\" }"

  metric_transformation {
    namespace = "ClinicApi"
    name      = "${local.function_name}-unprocessable"
    value     = "1"
    unit      = "Count"
  }
}

# A message contains the shard and the range of records, not their data. The records stay in the stream for 24 hours.
resource "aws_sqs_queue" "dead_letters" {
  name                              = "${local.function_name}-dead-letters"
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = 300
  message_retention_seconds         = 1209600
}

data "aws_iam_policy_document" "dead_letters" {
  statement {
    sid       = "OnlyOverTls"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [aws_sqs_queue.dead_letters.arn]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.url
  policy    = data.aws_iam_policy_document.dead_letters.json
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_117:It connects only to DynamoDB, SQS and CloudWatch, with TLS and IAM; in a VPC it would reach nothing more and start slower
  #checkov:skip=CKV_AWS_272:var.code_signing_config_arn sets code signing if the operator has a signing profile; checkov sees its default, null
  function_name = local.function_name
  description   = "Writes audit log, access log and deliveries of events from changes of the table."
  role          = var.role_arn

  runtime       = "provided.al2023"
  architectures = ["arm64"]
  handler       = "bootstrap"
  memory_size   = var.memory_mb
  timeout       = var.timeout_seconds

  filename          = var.package.path
  source_code_hash  = var.package.path == null ? var.package.s3_hash : filebase64sha256(var.package.path)
  s3_bucket         = var.package.s3_bucket
  s3_key            = var.package.s3_key
  s3_object_version = var.package.s3_object_version

  code_signing_config_arn = var.code_signing_config_arn

  # Only the mapping calls it. The concurrency is the number of shards times `parallelization_factor`.
  reserved_concurrent_executions = var.reserved_concurrency

  kms_key_arn = var.kms_key_arn

  environment {
    variables = merge(var.environment, {
      CLINIC_API_STORE      = "dynamodb"
      CLINIC_API_TABLE      = var.table_name
      CLINIC_API_LOG_FORMAT = "json"
    })
  }

  # For manual calls. Failed batches of the mapping go to the mapping's own destination.
  dead_letter_config {
    target_arn = aws_sqs_queue.dead_letters.arn
  }

  tracing_config {
    mode = "Active"
  }

  # Otherwise Lambda creates a log group without key and retention. It also checks the permission to send to the queue.
  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy.this]
}

resource "aws_lambda_event_source_mapping" "stream" {
  event_source_arn = var.stream_arn
  function_name    = aws_lambda_function.this.arn
  enabled          = var.enabled

  # From the oldest record, so that no change between the creation of the table and of the mapping is missed.
  starting_position = "TRIM_HORIZON"

  batch_size                         = 100
  maximum_batching_window_in_seconds = var.batching_window_seconds
  parallelization_factor             = var.parallelization_factor

  filter_criteria {
    dynamic "filter" {
      for_each = local.filters

      content {
        pattern = jsonencode(filter.value)
      }
    }
  }

  # The function reports the first record that the database rejected, and Lambda continues from there. It splits a batch
  # that failed as a whole. It retries until a record is too old: a shorter outage of the database loses nothing, and one
  # record cannot block its shard forever.
  function_response_types        = ["ReportBatchItemFailures"]
  bisect_batch_on_function_error = true
  maximum_retry_attempts         = var.maximum_retry_attempts
  maximum_record_age_in_seconds  = var.maximum_record_age_seconds

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.dead_letters.arn
    }
  }

  # Lambda checks the role's permissions when the mapping is created.
  depends_on = [aws_iam_role_policy.this]
}
