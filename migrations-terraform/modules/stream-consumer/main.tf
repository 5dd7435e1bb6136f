# The stream's consumer on Lambda. What it does with the table stands in the module iam; here are the function, its
# mapping, and what both need besides: a log group with a metric of unprocessable changes, and the queue for batches that
# were given up.

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${local.function_name}"
  kms_key_id        = var.kms_key_arn
  retention_in_days = var.log_retention_days
}

# A change that can't be processed waits in the table as a dead letter, and the function goes on: this line of its log is the
# only sign. CloudWatch Logs counts it by itself, so the function's role needs nothing for that.
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

# A message names the shard and the range of records, not what is in them; the records stay in the stream for 24 hours.
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
  #checkov:skip=CKV_AWS_117:It talks to DynamoDB, SQS and CloudWatch only, by TLS and IAM; in a VPC it would reach nothing more and start slower
  #checkov:skip=CKV_AWS_272:Code signing is set by var.code_signing_config_arn, where the operator has a signing profile; checkov sees its default, null
  function_name = local.function_name
  description   = "Turns changes of the table into events."
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

  # The mapping alone calls it: as often at once as the stream has shards, times `parallelization_factor`.
  reserved_concurrent_executions = var.reserved_concurrency

  kms_key_arn = var.kms_key_arn

  environment {
    variables = merge(var.environment, {
      CLINIC_API_STORE      = "dynamodb"
      CLINIC_API_TABLE      = var.table_name
      CLINIC_API_LOG_FORMAT = "json"
    })
  }

  # For calls by hand; those of the mapping go by its own destination.
  dead_letter_config {
    target_arn = aws_sqs_queue.dead_letters.arn
  }

  tracing_config {
    mode = "Active"
  }

  # Lambda would make a log group without key and retention, and checks the right to send to the queue.
  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy.this]
}

resource "aws_lambda_event_source_mapping" "stream" {
  event_source_arn = var.stream_arn
  function_name    = aws_lambda_function.this.arn
  enabled          = var.enabled

  # From the oldest record that is there, so that nothing is missed between the making of table and mapping.
  starting_position = "TRIM_HORIZON"

  batch_size                         = 100
  maximum_batching_window_in_seconds = var.batching_window_seconds
  parallelization_factor             = var.parallelization_factor

  # The function names the first record that the database refused; Lambda goes on from there, and halves a batch that
  # failed as a whole. It tries until a record is too old, however often that is: a shorter outage of the
  # database costs nothing, and one record can't hold up its shard for ever.
  function_response_types        = ["ReportBatchItemFailures"]
  bisect_batch_on_function_error = true
  maximum_retry_attempts         = var.maximum_retry_attempts
  maximum_record_age_in_seconds  = var.maximum_record_age_seconds

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.dead_letters.arn
    }
  }

  # Lambda checks the role's rights when the mapping is made.
  depends_on = [aws_iam_role_policy.this]
}
