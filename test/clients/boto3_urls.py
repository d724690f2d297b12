"""Prints URLs that boto3 presigns for a vault and for a job's output, and the account that STS names."""

import json
import os
import sys

import boto3

vault, job = sys.argv[1:]
endpoint = os.environ["MORAINE_URL"]
glacier = boto3.client("glacier", endpoint_url=endpoint)
of_vault = {"accountId": "-", "vaultName": vault}
urls = {
    "vault": glacier.generate_presigned_url("describe_vault", Params=of_vault, ExpiresIn=60),
    "output": glacier.generate_presigned_url("get_job_output", Params={**of_vault, "jobId": job}, ExpiresIn=60),
}
sts = boto3.client("sts", endpoint_url=endpoint)
json.dump({"urls": urls, "account": sts.get_caller_identity()["Account"]}, sys.stdout)
