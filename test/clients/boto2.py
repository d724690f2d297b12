"""Calls each operation that boto 2 has, by both of its layers, and prints the name of each that succeeds."""

import io
import json
import os
import sys
import time
import urllib.parse

from boto.glacier.exceptions import UnexpectedHTTPResponseError
from boto.glacier.layer1 import Layer1
from boto.glacier.layer2 import Layer2
from boto.glacier.utils import compute_hashes_from_fileobj
from boto.regioninfo import RegionInfo

vault = "from-boto2"
mebibyte = 1 << 20
whole = os.urandom(3 * mebibyte // 2 + 7)
url = urllib.parse.urlsplit(os.environ["MORAINE_URL"])
region = RegionInfo(name=os.environ["AWS_DEFAULT_REGION"], endpoint=url.hostname)


def at_endpoint(connection):
    """It takes the region and the service from a host name of AWS's, unless it is given them."""
    connection.auth_region_name = region.name
    connection.auth_service_name = "glacier"
    return connection


layer1 = at_endpoint(Layer1(region=region, is_secure=False, port=url.port))

def hashes_of(content):
    """Of Python 3 the second one is bytes: boto's own comparison with a header's text fails there."""
    linear, tree = compute_hashes_from_fileobj(io.BytesIO(content))
    return linear, tree.decode()


linear_hash, tree_hash = hashes_of(whole)
operations = {"upload_part": "UploadMultipartPart"}


def call(name, *args, **more):
    answer = getattr(layer1, name)(*args, **more)
    print(operations.get(name) or "".join(part.capitalize() for part in name.split("_")))
    return answer


def check(what, holds):
    if not holds:
        sys.exit(f"not so: {what}")


def finished(parameters):
    job = call("initiate_job", vault, parameters)["JobId"]
    for _ in range(300):
        described = call("describe_job", vault, job)
        if described["Completed"]:
            check("the job succeeded", described["StatusCode"] == "Succeeded")
            return job
        time.sleep(0.1)
    sys.exit("the job does not end")


def low_layer():
    call("create_vault", vault)
    check("a new vault is empty", call("describe_vault", vault)["NumberOfArchives"] == 0)
    check("one vault", len(call("list_vaults")["VaultList"]) == 1)
    try:
        layer1.describe_vault("nowhere")
        sys.exit("a vault that does not exist was described")
    except UnexpectedHTTPResponseError as error:
        check("the code of a missing vault", error.code == "ResourceNotFoundException")

    config = {"SNSTopic": "arn:aws:sns:us-east-1:123456789012:done", "Events": ["ArchiveRetrievalCompleted"]}
    call("set_vault_notifications", vault, config)
    check("the topic", call("get_vault_notifications", vault)["SNSTopic"] == config["SNSTopic"])
    call("delete_vault_notifications", vault)

    single = call("upload_archive", vault, whole, linear_hash, tree_hash, "by boto2")["ArchiveId"]
    upload = call("initiate_multipart_upload", vault, mebibyte, "in parts")["UploadId"]
    for start in range(0, len(whole), mebibyte):
        part = whole[start : start + mebibyte]
        linear, tree = hashes_of(part)
        call("upload_part", vault, upload, linear, tree, (start, start + len(part) - 1), part)
    check("two parts", len(call("list_parts", vault, upload)["Parts"]) == 2)
    check("one upload", len(call("list_multipart_uploads", vault)["UploadsList"]) == 1)
    multi = call("complete_multipart_upload", vault, upload, tree_hash, len(whole))["ArchiveId"]
    dropped = call("initiate_multipart_upload", vault, mebibyte)["UploadId"]
    call("abort_multipart_upload", vault, dropped)

    job = finished({"Type": "archive-retrieval", "ArchiveId": single})
    output = call("get_job_output", vault, job)
    check("the tree hash of the output", output["TreeHash"] == tree_hash)
    check("the bytes of the archive", output.read() == whole)
    output = call("get_job_output", vault, job, (0, mebibyte - 1))
    check("the bytes of a range", output.read() == whole[:mebibyte])
    check("one job", len(call("list_jobs", vault)["JobList"]) == 1)
    inventory = call("get_job_output", vault, finished({"Type": "inventory-retrieval"}))
    check("the inventory", len(inventory["ArchiveList"]) == 2)
    return single, multi


def high_layer():
    """What duplicity and its like use."""
    upper = Layer2(layer1=layer1).get_vault(vault)
    archive = upper.create_archive_from_file(file_obj=io.BytesIO(whole), description="by a writer")
    job = upper.retrieve_archive(archive)
    while not upper.get_job(job.id).completed:
        time.sleep(0.1)
    target = io.BytesIO()
    upper.get_job(job.id).download_to_fileobj(target, chunk_size=mebibyte, verify_hashes=False)
    check("the bytes by the upper layer", target.getvalue() == whole)
    print("layer2")
    return archive


archives = [*low_layer(), high_layer()]
for archive in archives:
    call("delete_archive", vault, archive)
call("delete_vault", vault)
