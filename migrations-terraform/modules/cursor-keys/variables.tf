variable "name" {
  description = "Prefix of the secret's name."
  type        = string
}

variable "kms_key_arn" {
  description = "Customer-managed key that encrypts the secret."
  type        = string
}
