# `clinic-api serve`: reads by key, and conditional writes.
data "aws_iam_policy_document" "service" {
  source_policy_documents = [
    data.aws_iam_policy_document.read.json,
    data.aws_iam_policy_document.table_key.json,
    data.aws_iam_policy_document.audit_is_append_only.json,
    data.aws_iam_policy_document.no_scan.json,
    data.aws_iam_policy_document.no_administration.json,
  ]

  # A transaction needs the permissions of all its actions.
  statement {
    sid       = "WriteItems"
    actions   = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"]
    resources = [var.table_arn]
  }
}

resource "aws_iam_policy" "service" {
  name        = "${var.name}-service"
  description = "Permissions of clinic-api serve on its table."
  policy      = data.aws_iam_policy_document.service.json
}

resource "aws_iam_role" "service" {
  count = local.runs.service ? 1 : 0

  name                 = "${var.name}-service"
  description          = "Role of clinic-api serve."
  assume_role_policy   = data.aws_iam_policy_document.trust["service"].json
  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_role_policy_attachment" "service" {
  count = local.runs.service ? 1 : 0

  role       = aws_iam_role.service[0].name
  policy_arn = aws_iam_policy.service.arn
}
