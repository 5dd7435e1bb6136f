output "environment" {
  description = "Values that the deployment of the service needs. modules/environment/outputs.tf describes each."
  value       = module.environment
}
