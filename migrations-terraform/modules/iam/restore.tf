# Rights on a restored table, before it replaces the table in Terraform: `table check`, `table verify --repair`, and a private
# `clinic-api serve` that erases patients again (docs/operations.md, Back up and restore). The backfill role has them only
# while `restored_table_arn` is set.
data "aws_iam_policy_document" "restore" {
  count = var.restored_table_arn == null ? 0 : 1

  statement {
    sid = "CheckRepairAndErase"
    actions = [
      "dynamodb:DescribeTable",
      "dynamodb:DescribeTimeToLive",
      "dynamodb:Scan",
      "dynamodb:Query",
      "dynamodb:GetItem",
      "dynamodb:BatchGetItem",
      "dynamodb:PutItem",
      "dynamodb:UpdateItem",
      "dynamodb:DeleteItem",
      "dynamodb:ConditionCheckItem",
    ]
    resources = [var.restored_table_arn, "${var.restored_table_arn}/index/*"]
  }

  statement {
    sid       = "AuditItemsStayAsTheyAre"
    effect    = "Deny"
    actions   = ["dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:PartiQLUpdate", "dynamodb:PartiQLDelete"]
    resources = [var.restored_table_arn]

    condition {
      test     = "ForAnyValue:StringLike"
      variable = "dynamodb:LeadingKeys"
      values   = local.audit_items
    }
  }
}

resource "aws_iam_role_policy" "restore" {
  count = var.restored_table_arn != null && length(var.backfill_principal_arns) > 0 ? 1 : 0

  name   = "restore"
  role   = aws_iam_role.backfill[0].name
  policy = data.aws_iam_policy_document.restore[0].json
}
