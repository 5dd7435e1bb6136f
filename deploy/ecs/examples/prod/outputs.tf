output "load_balancer_dns_name" {
  description = "DNS name for the alias record."
  value       = module.service.load_balancer_dns_name
}

output "load_balancer_zone_id" {
  description = "Hosted zone of that name, for the alias record."
  value       = module.service.load_balancer_zone_id
}

output "service_security_group_id" {
  description = "Security group of the tasks."
  value       = module.service.service_security_group_id
}

output "alarm_names" {
  description = "Names of the service's alarms."
  value       = module.service.alarm_names
}
