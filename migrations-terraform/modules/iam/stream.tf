# Those who read the table's stream: a worker of our own, or Lambda. They put, update and check items, and delete
# nothing but dead letters (changes that could not be processed), when an operator says so.
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
    sid       = "DropDeadLetters"
    actions   = ["dynamodb:DeleteItem"]
    resources = [var.table_arn]

    condition {
      test     = "ForAllValues:StringLike"
      variable = "dynamodb:LeadingKeys"
      values   = ["DEAD_LETTERS"]
    }

    # "For all values" also holds where there is none.
    condition {
      test     = "Null"
      variable = "dynamodb:LeadingKeys"
      values   = ["false"]
    }
  }
}

resource "aws_iam_policy" "worker" {
  name        = "${var.name}-worker"
  description = "What the stream worker does with the table and its stream, and nothing else."
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

# Lambda keeps its place in the stream itself: no leases. Its log group and its queue are added by the module
# stream-consumer, which makes them.
resource "aws_iam_policy" "lambda" {
  name        = "${var.name}-stream-lambda"
  description = "What the stream's Lambda function does with the table and its stream, and nothing else."
  policy      = data.aws_iam_policy_document.consume_stream.json
}

resource "aws_iam_role" "lambda" {
  name                 = "${var.name}-stream-lambda"
  description          = "Role of the stream's Lambda function."
  assume_role_policy   = data.aws_iam_policy_document.lambda_trust.json
  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_role_policy_attachment" "lambda" {
  role       = aws_iam_role.lambda.name
  policy_arn = aws_iam_policy.lambda.arn
}
