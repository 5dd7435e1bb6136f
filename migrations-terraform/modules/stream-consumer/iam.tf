data "aws_region" "current" {}

# Permissions of the function's role other than those for the table and its stream.
data "aws_iam_policy_document" "this" {
  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }

  statement {
    sid       = "GiveUpBatches"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.dead_letters.arn]
  }

  # For the queue's messages and the function's environment.
  statement {
    sid       = "KeyThroughSqsAndLambda"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values = [
        "sqs.${data.aws_region.current.region}.amazonaws.com",
        "lambda.${data.aws_region.current.region}.amazonaws.com",
      ]
    }
  }

  # X-Ray has no resource-level permissions for these actions.
  statement {
    sid       = "WriteTraces"
    actions   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "this" {
  name   = "stream-consumer"
  role   = var.role_name
  policy = data.aws_iam_policy_document.this.json
}
