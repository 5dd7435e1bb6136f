output "vault_name" {
  description = "Name of the backup vault."
  value       = aws_backup_vault.this.name
}
