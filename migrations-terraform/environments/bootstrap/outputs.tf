output "backend" {
  description = "Values for backend.hcl of the other environments, except `key`."
  value = {
    bucket     = aws_s3_bucket.state.id
    region     = var.region
    kms_key_id = module.key.arn
  }
}
