"""Requests that botocore has signed, one JSON object a line: how they look on the wire, and their signature."""

import json
import random
import sys
from urllib.parse import quote

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

count, seed, access_key, secret_key, region = sys.argv[1:]
chance = random.Random(int(seed))
credentials = Credentials(access_key, secret_key)

SEGMENTS = [
    "", ".", "..", "...", "-", "vaults", "%2F", "%2e%2e", "%25", "%C3%A9", "a+b", "a%20b", "!*'()", "~", "a:b@c",
    "a;b=c", "%2B", "$&,", "-_.~", "%7E", "archives", "%00x",
]
WORDS = ["", "a", "A", "a-", "ab", "é", "+", "x y", "limit", "marker", "=", "&", "%", "/", "~", "*", "日本", "a,b", "z"]
VALUES = ["", "x", " x", "x ", "a  b", "a   b  c", "a,b", "a;b=c", '"q  q"', "0", "tab\tin"]


def wire_query():
    pairs = [(chance.choice(WORDS), chance.choice(WORDS)) for _ in range(chance.randint(0, 4))]
    # Names that differ only in their value are allowed twice; botocore sorts them by value.
    return "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)


def one():
    path = "/" + "/".join(chance.choice(SEGMENTS) for _ in range(chance.randint(0, 6)))
    query = wire_query()
    url = f"https://glacier.{region}.amazonaws.com{path}" + (f"?{query}" if query else "")
    method = chance.choice(["GET", "PUT", "POST", "DELETE"])
    headers = {"x-amz-glacier-version": "2012-06-01"}
    for number in range(chance.randint(0, 4)):
        headers[f"X-Amz-Meta-{number}"] = chance.choice(VALUES)
    presigned = chance.random() < 0.3
    # A presigned URL has its body's hash from its signer, who takes it for empty.
    body = b"" if presigned else chance.choice([b"", b"{}", b"some bytes"])
    request = AWSRequest(method=method, url=url, data=body, headers=headers)
    signer = (
        SigV4QueryAuth(credentials, "glacier", region, expires=600)
        if presigned
        else SigV4Auth(credentials, "glacier", region)
    )
    signer.add_auth(request)
    sent = request.url.split("amazonaws.com", 1)[1]
    wire_path, _, wire = sent.partition("?")
    return {
        "method": method,
        "path": wire_path,
        "query": wire,
        "headers": [["host", f"glacier.{region}.amazonaws.com"], *([name, value] for name, value in request.headers.items())],
        "body": body.decode(),
    }


for _ in range(int(count)):
    json.dump(one(), sys.stdout)
    sys.stdout.write("\n")
