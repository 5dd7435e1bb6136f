# The secret only: its value would stand in the state. The operator puts it in with the AWS CLI (README.md).
resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:Rotating needs both keys in the value until the last old cursor has gone, then a restart; docs/operations.md has the steps and no rotation function knows them
  name                    = "${var.name}/secret-keys"
  description             = "CLINIC_API_SECRET_KEYS of ${var.name}: 32-byte keys, comma-separated, the first one writes."
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_window_days
}
