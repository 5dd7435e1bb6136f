# Principals that may assume the roles: ECS tasks of this account, and Kubernetes service accounts through IRSA or EKS Pod
# Identity.

data "aws_caller_identity" "current" {}

locals {
  account = data.aws_caller_identity.current.account_id
  trust   = { service = var.service_trust, worker = var.worker_trust, reseal = var.reseal_trust, backfill = var.backfill_trust }
  runs    = { for role, trust in local.trust : role => trust.ecs_tasks || length(trust.service_accounts) + length(trust.pod_identities) > 0 }
  roles = {
    service  = one(aws_iam_role.service[*].arn)
    worker   = one(aws_iam_role.worker[*].arn)
    reseal   = one(aws_iam_role.reseal[*].arn)
    backfill = one(aws_iam_role.backfill[*].arn)
  }
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

  # EKS sends the names of the cluster, the namespace and the service account as session tags, so it needs sts:TagSession.
  dynamic "statement" {
    for_each = each.value.pod_identities

    content {
      actions = ["sts:AssumeRole", "sts:TagSession"]

      principals {
        type        = "Service"
        identifiers = ["pods.eks.amazonaws.com"]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:RequestTag/eks-cluster-arn"
        values   = [statement.value.cluster_arn]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:RequestTag/kubernetes-namespace"
        values   = [statement.value.namespace]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:RequestTag/kubernetes-service-account"
        values   = [statement.value.name]
      }
    }
  }
}

# Without an association, EKS gives the pods of a service account no credentials.
resource "aws_eks_pod_identity_association" "this" {
  for_each = {
    for association in flatten([
      for role, trust in local.trust : [for account in trust.pod_identities : merge(account, { role = role })]
    ]) : "${association.role}/${association.cluster_arn}/${association.namespace}/${association.name}" => association
  }

  cluster_name    = split(":cluster/", each.value.cluster_arn)[1]
  namespace       = each.value.namespace
  service_account = each.value.name
  role_arn        = local.roles[each.value.role]
}

data "aws_iam_policy_document" "lambda_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}
