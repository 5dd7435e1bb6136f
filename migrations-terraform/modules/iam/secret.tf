# Access to the secret keys and the search keys for the role that starts the container: the ECS execution role, or the role of a
# Kubernetes secrets operator. The service's own role cannot read them. The service gets them in its environment or as files.
data "aws_iam_policy_document" "secret_keys" {
  statement {
    sid       = "ReadSecretKeys"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [var.secret_keys_secret_arn, var.search_keys_secret_arn]
  }

  statement {
    sid       = "DecryptThroughSecretsManager"
    actions   = ["kms:Decrypt"]
    resources = [var.secret_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["secretsmanager.${data.aws_region.current.region}.amazonaws.com"]
    }

    # The key also encrypts logs and a queue. This statement allows decrypting the two secrets only.
    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:SecretARN"
      values   = [var.secret_keys_secret_arn, var.search_keys_secret_arn]
    }
  }
}

resource "aws_iam_policy" "secret_keys" {
  name        = "${var.name}-read-secret-keys"
  description = "Allows reading the secrets with CLINIC_API_SECRET_KEYS and CLINIC_API_SEARCH_KEYS, for execution roles only."
  policy      = data.aws_iam_policy_document.secret_keys.json
}
