# `clinic-api patients export` (docs/operations.md, Export all patients). An operator assumes this role for an export. It reads the
# whole table, because no index has all patients, and records the accesses.
data "aws_iam_policy_document" "export" {
  count = length(var.export_principal_arns) > 0 ? 1 : 0

  source_policy_documents = [
    data.aws_iam_policy_document.table_key.json,
    data.aws_iam_policy_document.audit_is_append_only.json,
    data.aws_iam_policy_document.no_administration.json,
  ]

  statement {
    sid       = "ReadTable"
    actions   = ["dynamodb:Scan", "dynamodb:GetItem", "dynamodb:DescribeTable"]
    resources = [var.table_arn]
  }

  statement {
    sid       = "RecordAccesses"
    actions   = ["dynamodb:PutItem"]
    resources = [var.table_arn]

    condition {
      test     = "ForAllValues:StringLike"
      variable = "dynamodb:LeadingKeys"
      values   = ["ACCESS#*"]
    }

    # "For all values" is also true if there is no value.
    condition {
      test     = "Null"
      variable = "dynamodb:LeadingKeys"
      values   = ["false"]
    }
  }
}

data "aws_iam_policy_document" "export_trust" {
  count = length(var.export_principal_arns) > 0 ? 1 : 0

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = var.export_principal_arns
    }
  }
}

resource "aws_iam_policy" "export" {
  count = length(var.export_principal_arns) > 0 ? 1 : 0

  name        = "${var.name}-export"
  description = "Permissions of clinic-api patients export, for the time of an export only."
  policy      = data.aws_iam_policy_document.export[0].json
}

resource "aws_iam_role" "export" {
  count = length(var.export_principal_arns) > 0 ? 1 : 0

  name        = "${var.name}-export"
  description = "Role of clinic-api patients export."
  # Sessions last an hour, the maximum for role chaining. The SDK renews them (migrations/README.md).
  assume_role_policy   = data.aws_iam_policy_document.export_trust[0].json
  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_role_policy_attachment" "export" {
  count = length(var.export_principal_arns) > 0 ? 1 : 0

  role       = aws_iam_role.export[0].name
  policy_arn = aws_iam_policy.export[0].arn
}
