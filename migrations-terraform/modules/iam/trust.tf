# Principals that may assume the roles: ECS tasks of this account, and Kubernetes service accounts through IRSA.

data "aws_caller_identity" "current" {}

locals {
  account = data.aws_caller_identity.current.account_id
  trust   = { service = var.service_trust, worker = var.worker_trust }
  runs    = { for role, trust in local.trust : role => trust.ecs_tasks || length(trust.service_accounts) > 0 }
}

data "aws_iam_policy_document" "trust" {
  for_each = { for role, trust in local.trust : role => trust if local.runs[role] }

  dynamic "statement" {
    for_each = each.value.ecs_tasks ? [1] : []

    content {
      sid     = "EcsTasks"
      actions = ["sts:AssumeRole"]

      principals {
        type        = "Service"
        identifiers = ["ecs-tasks.amazonaws.com"]
      }

      # Prevents the confused deputy problem: ECS must not assume the role for a task of another account.
      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account]
      }

      condition {
        test     = "ArnLike"
        variable = "aws:SourceArn"
        values   = ["arn:${data.aws_partition.current.partition}:ecs:${data.aws_region.current.region}:${local.account}:*"]
      }
    }
  }

  dynamic "statement" {
    for_each = each.value.service_accounts

    content {
      actions = ["sts:AssumeRoleWithWebIdentity"]

      principals {
        type        = "Federated"
        identifiers = [statement.value.oidc_provider_arn]
      }

      condition {
        test     = "StringEquals"
        variable = "${split(":oidc-provider/", statement.value.oidc_provider_arn)[1]}:sub"
        values   = ["system:serviceaccount:${statement.value.namespace}:${statement.value.name}"]
      }

      condition {
        test     = "StringEquals"
        variable = "${split(":oidc-provider/", statement.value.oidc_provider_arn)[1]}:aud"
        values   = ["sts.amazonaws.com"]
      }
    }
  }
}

data "aws_iam_policy_document" "lambda_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}
