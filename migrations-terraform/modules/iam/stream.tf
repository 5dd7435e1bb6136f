# Readers of the table's stream: the worker, or Lambda. They put, update and check items. The worker also deletes completed
# deferred work, registrations of workers and, on an operator's command, dead letters.
data "aws_iam_policy_document" "consume_stream" {
  source_policy_documents = [
    data.aws_iam_policy_document.read.json,
    data.aws_iam_policy_document.read_stream.json,
    data.aws_iam_policy_document.table_key.json,
    data.aws_iam_policy_document.audit_is_append_only.json,
    data.aws_iam_policy_document.no_scan.json,
    data.aws_iam_policy_document.no_administration.json,
  ]

  statement {
    sid       = "WriteItems"
    actions   = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:ConditionCheckItem"]
    resources = [var.table_arn]
  }
}

data "aws_iam_policy_document" "worker" {
  source_policy_documents = [data.aws_iam_policy_document.consume_stream.json]

  statement {
    sid       = "DeleteOwnItems"
    actions   = ["dynamodb:DeleteItem"]
    resources = [var.table_arn]

    condition {
      test     = "ForAllValues:StringLike"
      variable = "dynamodb:LeadingKeys"
      values   = ["DEAD_LETTERS", "DEFERRED#*", "WORKERS"]
    }

    # "For all values" is also true if there is no value.
    condition {
      test     = "Null"
      variable = "dynamodb:LeadingKeys"
      values   = ["false"]
    }
  }
}

resource "aws_iam_policy" "worker" {
  name        = "${var.name}-worker"
  description = "Permissions of the stream worker on the table and its stream."
  policy      = data.aws_iam_policy_document.worker.json
}

resource "aws_iam_role" "worker" {
  count = local.runs.worker ? 1 : 0

  name                 = "${var.name}-worker"
  description          = "Role of the stream worker."
  assume_role_policy   = data.aws_iam_policy_document.trust["worker"].json
  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_role_policy_attachment" "worker" {
  count = local.runs.worker ? 1 : 0

  role       = aws_iam_role.worker[0].name
  policy_arn = aws_iam_policy.worker.arn
}

# Lambda stores its own position in the stream, so it needs no leases. The module stream-consumer creates its log group and
# its queue, and adds the permissions for them.
resource "aws_iam_policy" "lambda" {
  count = var.stream_function ? 1 : 0

  name        = "${var.name}-stream-lambda"
  description = "Permissions of the stream's Lambda function on the table and its stream."
  policy      = data.aws_iam_policy_document.consume_stream.json
}

resource "aws_iam_role" "lambda" {
  count = var.stream_function ? 1 : 0

  name                 = "${var.name}-stream-lambda"
  description          = "Role of the stream's Lambda function."
  assume_role_policy   = data.aws_iam_policy_document.lambda_trust.json
  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_role_policy_attachment" "lambda" {
  count = var.stream_function ? 1 : 0

  role       = aws_iam_role.lambda[0].name
  policy_arn = aws_iam_policy.lambda[0].arn
}
