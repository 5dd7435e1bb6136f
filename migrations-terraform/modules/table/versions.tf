terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # 6.29 added `key_schema` to index blocks and deprecated `hash_key`. Up to 6.36 the provider showed changes that did
      # not exist, and the removal of one index could remove others.
      version = "~> 6.37"
    }
  }
}
