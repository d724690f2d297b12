"""The whole way through the API with an unmodified boto3; prints what it saw as JSON, and judges nothing itself."""

import hashlib
import json
import sys

from boto3_support import MEBIBYTE, client, completed, failure, resource, tell, tree_hash

seen = {}


def content(seed, size):
    return hashlib.shake_256(str(seed).encode()).digest(size)


def single_upload():
    data = content(1, 3 * MEBIBYTE + 54321)
    client.create_vault(vaultName="boto")
    archive = client.upload_archive(vaultName="boto", archiveDescription="by boto3", body=data)
    job = client.initiate_job(
        vaultName="boto", jobParameters={"Type": "archive-retrieval", "ArchiveId": archive["archiveId"]}
    )
    done = completed("boto", job["jobId"])
    whole = client.get_job_output(vaultName="boto", jobId=job["jobId"])
    first = client.get_job_output(vaultName="boto", jobId=job["jobId"], range="bytes=0-1048575")
    empty = client.get_job_output(vaultName="boto", jobId=job["jobId"], range="")
    first_bytes = first["body"].read()
    pieces = []
    for start in range(0, len(data), MEBIBYTE):
        end = min(start + MEBIBYTE, len(data)) - 1
        piece = client.get_job_output(vaultName="boto", jobId=job["jobId"], range=f"bytes={start}-{end}")
        part = piece["body"].read()
        pieces.append([piece["status"], piece["checksum"] == tree_hash(part), part == data[start : end + 1]])
    seen["single"] = {
        "checksum": archive["checksum"] == tree_hash(data),
        "statusCode": done["StatusCode"],
        "whole": [whole["status"], whole["checksum"] == tree_hash(data), whole["body"].read() == data],
        "description": whole["archiveDescription"],
        "first": [first["status"], first["contentRange"], first_bytes == data[:MEBIBYTE]],
        "firstChecksum": first["checksum"] == tree_hash(first_bytes),
        "size": len(data),
        "empty": [empty["status"], empty["body"].read() == data],
        "pieces": pieces,
    }
    return archive["archiveId"]


def multipart_upload():
    data = content(2, 2 * MEBIBYTE + 99)
    upload = client.initiate_multipart_upload(vaultName="boto", archiveDescription="parts", partSize=str(MEBIBYTE))
    for start in (2 * MEBIBYTE, 0, MEBIBYTE):
        part = data[start : start + MEBIBYTE]
        client.upload_multipart_part(
            vaultName="boto",
            uploadId=upload["uploadId"],
            range=f"bytes {start}-{start + len(part) - 1}/*",
            body=part,
        )
    parts = client.list_parts(vaultName="boto", uploadId=upload["uploadId"])["Parts"]
    archive = client.complete_multipart_upload(
        vaultName="boto", uploadId=upload["uploadId"], archiveSize=str(len(data)), checksum=tree_hash(data)
    )
    aborted = client.initiate_multipart_upload(vaultName="boto", partSize=str(MEBIBYTE))
    client.abort_multipart_upload(vaultName="boto", uploadId=aborted["uploadId"])
    seen["multipart"] = {
        "ranges": [part["RangeInBytes"] for part in parts],
        "open": client.list_multipart_uploads(vaultName="boto")["UploadsList"],
        "checksum": archive["checksum"] == tree_hash(data),
    }


def pages(operation, key, name, **arguments):
    paginator = client.get_paginator(operation)
    found = [
        [item[name] for item in page[key]]
        for page in paginator.paginate(PaginationConfig={"PageSize": 2}, **arguments)
    ]
    return found


def paginators():
    for number in range(4):
        client.create_vault(vaultName=f"page-{number}")
    jobs = []
    uploads = []
    for _ in range(5):
        job = client.initiate_job(vaultName="page-0", jobParameters={"Type": "inventory-retrieval"})
        jobs.append(job["jobId"])
        uploads.append(client.initiate_multipart_upload(vaultName="page-0", partSize=str(MEBIBYTE))["uploadId"])
    for number in range(5):
        start = number * MEBIBYTE
        client.upload_multipart_part(
            vaultName="page-0",
            uploadId=uploads[0],
            range=f"bytes {start}-{start + MEBIBYTE - 1}/*",
            body=bytes(MEBIBYTE),
        )
    seen["pages"] = {
        "vaults": pages("list_vaults", "VaultList", "VaultName"),
        "jobs": pages("list_jobs", "JobList", "JobId", vaultName="page-0"),
        "uploads": pages("list_multipart_uploads", "UploadsList", "MultipartUploadId", vaultName="page-0"),
        "parts": pages("list_parts", "Parts", "RangeInBytes", vaultName="page-0", uploadId=uploads[0]),
        "jobIds": jobs,
        "uploadIds": uploads,
        "emptyStrings": len(client.list_jobs(vaultName="page-0", limit="", marker="")["JobList"]),
    }


def waiters():
    client.get_waiter("vault_exists").wait(vaultName="boto")
    client.get_waiter("vault_not_exists").wait(vaultName="never-made")
    seen["waiters"] = True


def errors(archive_id):
    described = {"vaultName": "never-made"}
    seen["errors"] = {
        "vault": failure(client.describe_vault, **described),
        "job": failure(client.describe_job, vaultName="boto", jobId="none"),
        "partSize": failure(client.initiate_multipart_upload, vaultName="boto", partSize="1000"),
        "tree": failure(client.upload_archive, vaultName="boto", body=b"x", checksum="0" * 64),
        "notEmpty": failure(client.delete_vault, vaultName="boto"),
        "upload": failure(client.list_parts, vaultName="boto", uploadId="none"),
        "archive": failure(client.delete_archive, vaultName="boto", archiveId="none"),
        "account": failure(client.list_vaults, accountId="999999999999"),
        "noType": failure(client.initiate_job, vaultName="boto", jobParameters={"ArchiveId": archive_id}),
    }


def resources():
    vault = resource.create_vault(vaultName="resource")
    archive = vault.upload_archive(archiveDescription="by resource", body=b"resource bytes")
    job = archive.initiate_archive_retrieval()
    completed("resource", job.id)
    job.load()
    status = job.status_code
    output = job.get_output(range="bytes=0-7")
    upload = vault.initiate_multipart_upload(partSize=str(MEBIBYTE))
    upload.upload_part(range="bytes 0-2/*", body=b"abc")
    made = upload.complete(archiveSize="3", checksum=tree_hash(b"abc"))
    inventory = vault.initiate_inventory_retrieval()
    completed("resource", inventory.id)
    listed = json.loads(inventory.get_output()["body"].read())
    archive.delete()
    resource.Archive("-", "resource", made["archiveId"]).delete()
    vault.reload()
    count = vault.number_of_archives
    arn = vault.vault_arn
    vault.delete()
    seen["resource"] = {
        "arn": arn,
        "status": status,
        "output": output["body"].read().decode(),
        "descriptions": [item["ArchiveDescription"] for item in listed["ArchiveList"]],
        "left": count,
        "vaults": [each.name for each in resource.vaults.all()],
    }


def many_requests(count):
    statuses = {}
    for _ in range(count):
        answer = client.describe_vault(vaultName="boto")
        status = answer["ResponseMetadata"]["HTTPStatusCode"]
        statuses[status] = statuses.get(status, 0) + 1
    seen["many"] = statuses


archive = single_upload()
multipart_upload()
paginators()
waiters()
errors(archive)
resources()
many_requests(int(sys.argv[1]))
tell(seen)
