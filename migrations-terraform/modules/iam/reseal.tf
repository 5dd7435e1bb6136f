# `clinic-api worker reseal-secrets`, a step of a key rotation (docs/operations.md, Rotate keys). It reads the whole table, because
# webhooks of all organisations are in no index, and replaces the webhooks.
data "aws_iam_policy_document" "reseal" {
  count = local.runs.reseal ? 1 : 0

  source_policy_documents = [
    data.aws_iam_policy_document.table_key.json,
    data.aws_iam_policy_document.audit_is_append_only.json,
    data.aws_iam_policy_document.no_administration.json,
  ]

  statement {
    sid       = "ReadTable"
    actions   = ["dynamodb:Scan", "dynamodb:GetItem"]
    resources = [var.table_arn]
  }

  statement {
    sid       = "ReplaceWebhooks"
    actions   = ["dynamodb:PutItem"]
    resources = [var.table_arn]

    condition {
      test     = "ForAllValues:StringLike"
      variable = "dynamodb:LeadingKeys"
      values   = ["WEBHOOKS#*"]
    }

    # "For all values" is also true if there is no value.
    condition {
      test     = "Null"
      variable = "dynamodb:LeadingKeys"
      values   = ["false"]
    }
  }
}

resource "aws_iam_policy" "reseal" {
  count = local.runs.reseal ? 1 : 0

  name        = "${var.name}-reseal"
  description = "Permissions of clinic-api worker reseal-secrets, for a key rotation only."
  policy      = data.aws_iam_policy_document.reseal[0].json
}

resource "aws_iam_role" "reseal" {
  count = local.runs.reseal ? 1 : 0

  name                 = "${var.name}-reseal"
  description          = "Role of clinic-api worker reseal-secrets."
  assume_role_policy   = data.aws_iam_policy_document.trust["reseal"].json
  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_role_policy_attachment" "reseal" {
  count = local.runs.reseal ? 1 : 0

  role       = aws_iam_role.reseal[0].name
  policy_arn = aws_iam_policy.reseal[0].arn
}
