locals {
  table_and_indexes = concat([var.table_arn], var.index_arns)
  audit_items       = ["AUDIT#*", "ACCESS#*"]
}

data "aws_partition" "current" {}
data "aws_region" "current" {}

# The table's key, through DynamoDB only: no role here can decrypt data directly.
data "aws_iam_policy_document" "table_key" {
  statement {
    sid       = "TableKeyThroughDynamoDb"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    resources = [var.table_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["dynamodb.${data.aws_region.current.region}.amazonaws.com"]
    }
  }
}

# Audit items are written once. IAM cannot distinguish a PutItem that creates an item from one that overwrites it. The
# code's `attribute_not_exists(PK)` prevents the second. All other changes are denied, whatever other policies allow.
data "aws_iam_policy_document" "audit_is_append_only" {
  statement {
    sid       = "AuditItemsStayAsTheyAre"
    effect    = "Deny"
    actions   = ["dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:PartiQLUpdate", "dynamodb:PartiQLDelete"]
    resources = [var.table_arn]

    condition {
      test     = "ForAnyValue:StringLike"
      variable = "dynamodb:LeadingKeys"
      values   = local.audit_items
    }
  }
}

# Denied even if another policy of the role allows it.
data "aws_iam_policy_document" "no_administration" {
  statement {
    sid    = "NoTableAdministration"
    effect = "Deny"
    actions = [
      "dynamodb:CreateTable*",
      "dynamodb:DeleteTable*",
      "dynamodb:UpdateTable*",
      "dynamodb:UpdateTimeToLive",
      "dynamodb:UpdateContinuousBackups",
      "dynamodb:UpdateKinesisStreamingDestination",
      "dynamodb:EnableKinesisStreamingDestination",
      "dynamodb:DisableKinesisStreamingDestination",
      "dynamodb:CreateBackup",
      "dynamodb:RestoreTable*",
      "dynamodb:ExportTableToPointInTime",
      "dynamodb:ImportTable",
      "dynamodb:PutResourcePolicy",
      "dynamodb:DeleteResourcePolicy",
      "dynamodb:TagResource",
      "dynamodb:UntagResource",
    ]
    resources = concat(local.table_and_indexes, ["${var.table_arn}/backup/*", "${var.table_arn}/export/*"])
  }
}

# A Scan reads all patients of all organisations. No request and no consumer needs it.
data "aws_iam_policy_document" "no_scan" {
  statement {
    sid       = "NoScan"
    effect    = "Deny"
    actions   = ["dynamodb:Scan", "dynamodb:PartiQLSelect"]
    resources = local.table_and_indexes
  }
}

data "aws_iam_policy_document" "read" {
  statement {
    sid       = "ReadItems"
    actions   = ["dynamodb:GetItem", "dynamodb:BatchGetItem"]
    resources = [var.table_arn]
  }

  statement {
    sid       = "QueryTableAndIndexes"
    actions   = ["dynamodb:Query"]
    resources = local.table_and_indexes
  }
}

data "aws_iam_policy_document" "read_stream" {
  statement {
    sid       = "ReadStream"
    actions   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
    resources = [var.stream_arn]
  }

  # To find the table's stream.
  statement {
    sid       = "DescribeTable"
    actions   = ["dynamodb:DescribeTable"]
    resources = [var.table_arn]
  }

  # The current stream may be replaced by others.
  statement {
    sid       = "ListStreams"
    actions   = ["dynamodb:ListStreams"]
    resources = ["${var.table_arn}/stream/*"]
  }
}
