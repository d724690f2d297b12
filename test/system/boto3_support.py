"""An unmodified boto3 against the server, which counts what it calls with success."""

import io
import json
import os
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.utils import calculate_tree_hash

MEBIBYTE = 1024 * 1024
called = set()


def count(http_response, model, **_):
    if http_response.status_code < 300:
        called.add(model.name)


session = boto3.session.Session()
session.events.register("after-call.glacier.*", count)
OPTIONS = {"endpoint_url": os.environ["MORAINE_URL"], "config": Config(retries={"max_attempts": 1})}
client = session.client("glacier", **OPTIONS)
resource = session.resource("glacier", **OPTIONS)


def tree_hash(data):
    return calculate_tree_hash(io.BytesIO(data))


def completed(vault, job_id):
    for _ in range(600):
        job = client.describe_job(vaultName=vault, jobId=job_id)
        if job["Completed"]:
            return job
        time.sleep(0.05)
    raise RuntimeError("the job does not complete")


def failure(call, **arguments):
    """The class that boto3 raises, the status and the text; botocore's own class means that its model has none."""
    try:
        call(**arguments)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return [type(error).__name__, status, error.response["Error"]["Code"], error.response["Error"]["Message"]]
    return None


def tell(seen):
    json.dump({**seen, "called": sorted(called)}, sys.stdout)
