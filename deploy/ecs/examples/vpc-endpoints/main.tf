# The endpoints of the VPC, so that tasks reach AWS without a NAT gateway, and a policy of the table: the roles of the service
# and the worker can use it only through this VPC's endpoint. Stolen credentials of these roles are then useless elsewhere.
# Apply it after migrations-terraform/environments/prod and before ../prod. The worker still needs a NAT gateway, for webhooks
# and for DynamoDB Streams.

data "aws_region" "current" {}

data "terraform_remote_state" "table" {
  backend = "s3"

  config = {
    bucket = var.state_bucket
    key    = "clinic-api/prod/terraform.tfstate"
    region = var.region
  }
}

locals {
  table    = data.terraform_remote_state.table.outputs.environment
  services = "com.amazonaws.${data.aws_region.current.region}"
}

# Gateway endpoints cost nothing.
resource "aws_vpc_endpoint" "gateway" {
  for_each = toset(["dynamodb", "s3"])

  vpc_id            = var.vpc_id
  service_name      = "${local.services}.${each.value}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = var.private_route_table_ids

  tags = { Name = "clinic-api-${each.value}" }
}

resource "aws_security_group" "endpoints" {
  name        = "clinic-api-endpoints"
  description = "Interface endpoints. deploy/ecs adds a rule that admits its tasks (open_endpoints)."
  vpc_id      = var.vpc_id

  tags = { Name = "clinic-api-endpoints" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = toset(["ecr.api", "ecr.dkr", "logs", "secretsmanager"])

  vpc_id              = var.vpc_id
  service_name        = "${local.services}.${each.value}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = var.private_subnet_ids
  security_group_ids  = [aws_security_group.endpoints.id]
  private_dns_enabled = true

  tags = { Name = "clinic-api-${each.value}" }
}

# Only these two roles are restricted. The Lambda function, AWS Backup and operators use the table from elsewhere.
data "aws_iam_policy_document" "table" {
  statement {
    sid    = "OnlyThroughTheEndpoint"
    effect = "Deny"
    actions = [
      "dynamodb:BatchGetItem",
      "dynamodb:ConditionCheckItem",
      "dynamodb:DeleteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:Query",
      "dynamodb:Scan",
      "dynamodb:UpdateItem",
    ]
    resources = [local.table.table_arn, "${local.table.table_arn}/index/*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:PrincipalArn"
      values   = [local.table.service_role_arn, local.table.worker_role_arn]
    }

    condition {
      test     = "StringNotEquals"
      variable = "aws:SourceVpce"
      values   = [aws_vpc_endpoint.gateway["dynamodb"].id]
    }
  }
}

# A restored table has no policy: apply this again after a restore.
resource "aws_dynamodb_resource_policy" "table" {
  resource_arn = local.table.table_arn
  policy       = data.aws_iam_policy_document.table.json
}
