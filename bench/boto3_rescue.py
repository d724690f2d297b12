"""What users of boto3 write to empty a vault into a folder: one archive after the other, each verified."""

import io
import json
import os
import sys
import time

import boto3
from botocore.utils import calculate_tree_hash

vault, folder = sys.argv[1:]
glacier = boto3.client("glacier", endpoint_url=os.environ["MORAINE_URL"])


def output_of(parameters):
    job_id = glacier.initiate_job(vaultName=vault, jobParameters=parameters)["jobId"]
    while not glacier.describe_job(vaultName=vault, jobId=job_id)["Completed"]:
        time.sleep(0.01)
    return glacier.get_job_output(vaultName=vault, jobId=job_id)["body"].read()


os.makedirs(folder, exist_ok=True)
inventory = json.loads(output_of({"Type": "inventory-retrieval", "Format": "JSON"}))
for archive in inventory["ArchiveList"]:
    data = output_of({"Type": "archive-retrieval", "ArchiveId": archive["ArchiveId"]})
    if calculate_tree_hash(io.BytesIO(data)) != archive["SHA256TreeHash"]:
        sys.exit(f"{archive['ArchiveId']} is damaged")
    with open(os.path.join(folder, archive["ArchiveId"]), "wb") as target:
        target.write(data)
