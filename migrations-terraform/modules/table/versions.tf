terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # Of the 6.x releases: 6.29 brought `key_schema` to index blocks and deprecated their `hash_key`; up to 6.36
      # it showed changes where there were none, and removing one index could remove the others.
      version = "~> 6.37"
    }
  }
}
