# A secret for keys, without its value, because the value would be in the state. The operator stores it with the AWS CLI
# (README.md).
resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:A rotation keeps both keys in the value while the old one is in use, and needs commands in between; docs/operations.md has the steps, which no rotation function implements
  name                    = var.name
  description             = var.description
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_window_days
}
