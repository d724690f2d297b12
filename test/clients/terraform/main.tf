terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "endpoint" {
  type = string
}

provider "aws" {
  region = "us-east-1"
  endpoints {
    glacier = var.endpoint
    sts     = var.endpoint
  }
}

data "aws_caller_identity" "own" {}

resource "aws_glacier_vault" "photos" {
  name = "photos"
  notification {
    sns_topic = "arn:aws:sns:us-east-1:${data.aws_caller_identity.own.account_id}:done"
    events    = ["ArchiveRetrievalCompleted", "InventoryRetrievalCompleted"]
  }
  access_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "read"
      Effect    = "Allow"
      Principal = "*"
      Action    = ["glacier:InitiateJob", "glacier:GetJobOutput"]
      Resource  = "arn:aws:glacier:us-east-1:${data.aws_caller_identity.own.account_id}:vaults/photos"
    }]
  })
  tags = {
    purpose = "test"
  }
}

resource "aws_glacier_vault_lock" "photos" {
  complete_lock = true
  # A complete lock goes with its vault alone.
  ignore_deletion_error = true
  vault_name            = aws_glacier_vault.photos.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "keep"
      Effect    = "Deny"
      Principal = "*"
      Action    = "glacier:DeleteArchive"
      Resource  = aws_glacier_vault.photos.arn
      Condition = { NumericLessThanEquals = { "glacier:ArchiveAgeInDays" = "365" } }
    }]
  })
}
