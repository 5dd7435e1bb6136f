# `clinic-api table backfill` and `table check`. An operator, or a Job on Kubernetes, assumes this role for a migration or a
# rotation of the search keys. No service uses it.
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

  # A patient, its search items and its identifiers change in one transaction, which needs the permissions of all its actions.
  # The keys of the items do not limit it, because the role may overwrite any item.
  statement {
    sid       = "MoveSearchItems"
    actions   = ["dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"]
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
  description = "Permissions of clinic-api table backfill and table check, for a migration or a rotation of the search keys only."
  policy      = data.aws_iam_policy_document.backfill.json
}

locals {
  has_backfill_role = local.runs.backfill || length(var.backfill_principal_arns) > 0
}

data "aws_iam_policy_document" "backfill_trust" {
  count = local.has_backfill_role ? 1 : 0

  source_policy_documents = local.runs.backfill ? [data.aws_iam_policy_document.trust["backfill"].json] : []

  dynamic "statement" {
    for_each = length(var.backfill_principal_arns) > 0 ? [1] : []

    content {
      actions = ["sts:AssumeRole"]

      principals {
        type        = "AWS"
        identifiers = var.backfill_principal_arns
      }
    }
  }
}

resource "aws_iam_role" "backfill" {
  count = local.has_backfill_role ? 1 : 0

  name        = "${var.name}-backfill"
  description = "Role of clinic-api table backfill."
  # Sessions last an hour, the maximum for role chaining. The SDK renews them (migrations/README.md).
  assume_role_policy   = data.aws_iam_policy_document.backfill_trust[0].json
  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_role_policy_attachment" "backfill" {
  count = local.has_backfill_role ? 1 : 0

  role       = aws_iam_role.backfill[0].name
  policy_arn = aws_iam_policy.backfill.arn
}
