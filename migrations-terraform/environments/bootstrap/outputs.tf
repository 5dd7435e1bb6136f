output "backend" {
  description = "What goes into the backend.hcl of the other environments, besides `key`."
  value = {
    bucket     = aws_s3_bucket.state.id
    region     = var.region
    kms_key_id = module.key.arn
  }
}
