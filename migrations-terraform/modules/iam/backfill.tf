# `clinic-api table backfill` and `table check`. An operator assumes this role for a migration. No service uses it.
data "aws_iam_policy_document" "backfill" {
  source_policy_documents = [
    data.aws_iam_policy_document.table_key.json,
    data.aws_iam_policy_document.audit_is_append_only.json,
    data.aws_iam_policy_document.no_administration.json,
  ]

  statement {
    sid       = "RewriteItems"
    actions   = ["dynamodb:Scan", "dynamodb:GetItem", "dynamodb:PutItem"]
    resources = [var.table_arn]
  }

  statement {
    sid       = "CheckTable"
    actions   = ["dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive"]
    resources = [var.table_arn]
  }

  # Every PutItem of a backfill overwrites an existing item. Audit items must not be overwritten. When the restored
  # table has replaced the old one, the role also erases patients again, which adds access log entries.
  dynamic "statement" {
    for_each = var.restored_table_arn == var.table_arn ? [] : [1]

    content {
      sid       = "NoAuditItemIsRewritten"
      effect    = "Deny"
      actions   = ["dynamodb:PutItem"]
      resources = [var.table_arn]

      condition {
        test     = "ForAnyValue:StringLike"
        variable = "dynamodb:LeadingKeys"
        values   = local.audit_items
      }
    }
  }
}

resource "aws_iam_policy" "backfill" {
  name        = "${var.name}-backfill"
  description = "Permissions of clinic-api table backfill and table check, for a migration only."
  policy      = data.aws_iam_policy_document.backfill.json
}

data "aws_iam_policy_document" "backfill_trust" {
  count = length(var.backfill_principal_arns) > 0 ? 1 : 0

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = var.backfill_principal_arns
    }
  }
}

resource "aws_iam_role" "backfill" {
  count = length(var.backfill_principal_arns) > 0 ? 1 : 0

  name        = "${var.name}-backfill"
  description = "Assumed by an operator during a migration."
  # Sessions last an hour, the maximum for role chaining. The SDK renews them (migrations/README.md).
  assume_role_policy   = data.aws_iam_policy_document.backfill_trust[0].json
  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_role_policy_attachment" "backfill" {
  count = length(var.backfill_principal_arns) > 0 ? 1 : 0

  role       = aws_iam_role.backfill[0].name
  policy_arn = aws_iam_policy.backfill.arn
}
