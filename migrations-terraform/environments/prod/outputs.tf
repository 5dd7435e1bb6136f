output "environment" {
  description = "What runs the service needs of here; modules/environment/outputs.tf says what each is."
  value       = module.environment
}
