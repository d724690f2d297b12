"""What users of boto3 write: an upload in parts, and a download in ranges of which each is verified."""

import io
import os
import sys

import boto3
from botocore.utils import calculate_tree_hash

piece_bytes = 16 * 1024**2
role, vault, argument, path = sys.argv[1:]
glacier = boto3.client("glacier", endpoint_url=os.environ["MORAINE_URL"])


def download(job_id):
    size = glacier.describe_job(vaultName=vault, jobId=job_id)["ArchiveSizeInBytes"]
    with open(path, "wb") as target:
        for first in range(0, size, piece_bytes):
            last = min(first + piece_bytes, size) - 1
            answer = glacier.get_job_output(vaultName=vault, jobId=job_id, range=f"bytes={first}-{last}")
            data = answer["body"].read()
            if calculate_tree_hash(io.BytesIO(data)) != answer["checksum"]:
                sys.exit(f"{first}-{last} is damaged")
            target.write(data)


def upload(description):
    size = os.path.getsize(path)
    upload_id = glacier.initiate_multipart_upload(
        vaultName=vault, archiveDescription=description, partSize=str(piece_bytes)
    )["uploadId"]
    with open(path, "rb") as source:
        for first in range(0, size, piece_bytes):
            data = source.read(piece_bytes)
            glacier.upload_multipart_part(
                vaultName=vault,
                uploadId=upload_id,
                range=f"bytes {first}-{first + len(data) - 1}/*",
                body=data,
            )
        source.seek(0)
        checksum = calculate_tree_hash(source)
    glacier.complete_multipart_upload(vaultName=vault, uploadId=upload_id, archiveSize=str(size), checksum=checksum)


{"download": download, "upload": upload}[role](argument)
