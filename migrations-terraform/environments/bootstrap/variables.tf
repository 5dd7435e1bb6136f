variable "region" {
  description = "AWS region of the bucket."
  type        = string
}

variable "account_id" {
  description = "The only account to which this may be applied."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account id has 12 digits."
  }
}

variable "state_bucket" {
  description = "Name of the bucket, unique across AWS."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.state_bucket))
    error_message = "A bucket name has 3 to 63 lower-case letters, digits, `.` or `-`."
  }
}
