"""Makes the calls that it reads from its input, a JSON object a line, with an unmodified boto3; prints each response as a line."""

import base64
import json
import re
import sys

import boto3
from botocore.exceptions import ClientError

url, region, key_id, secret = sys.argv[1:5]
client = boto3.client(
    "glacier", endpoint_url=url, region_name=region, aws_access_key_id=key_id, aws_secret_access_key=secret
)


def respond(operation, parameters, body):
    method = getattr(client, re.sub(r"(?<!^)([A-Z])", r"_\1", operation).lower())
    if body is not None:
        parameters["body"] = base64.b64decode(body)
    response = method(**parameters)
    response.pop("ResponseMetadata")
    if "body" in response:
        response["bytes"] = base64.b64encode(response.pop("body").read()).decode()
    return response


for line in sys.stdin:
    try:
        result = respond(**json.loads(line))
    except ClientError as error:
        result = {"error": str(error)}
    print(json.dumps(result), flush=True)
