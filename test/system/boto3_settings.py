"""What owners set on vaults and accounts, with an unmodified boto3; prints what it saw as JSON, and judges nothing itself."""

import json

from boto3_support import client, failure, tell

ACCOUNT = "123456789012"
VAULT = "settings"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:topic"
BOTH = ["ArchiveRetrievalCompleted", "InventoryRetrievalCompleted"]
seen = {}


def document(sid):
    """Denies strangers what they may not do anyway."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": sid,
                    "Effect": "Deny",
                    "Principal": {"AWS": "arn:aws:iam::999999999999:root"},
                    "Action": "glacier:DeleteArchive",
                    "Resource": f"arn:aws:glacier:us-east-1:{ACCOUNT}:vaults/{VAULT}",
                    "Condition": {"NumericLessThan": {"glacier:ArchiveAgeInDays": "365"}},
                }
            ],
        }
    )


def tags():
    client.add_tags_to_vault(vaultName=VAULT, Tags={"project": "moraine", "empty": ""})
    client.add_tags_to_vault(vaultName=VAULT, Tags={"project": "glacier"})
    added = client.list_tags_for_vault(vaultName=VAULT)["Tags"]
    client.remove_tags_from_vault(vaultName=VAULT, TagKeys=["project", "never there"])
    left = client.list_tags_for_vault(vaultName=VAULT)["Tags"]
    for start in range(0, 40, 10):
        client.add_tags_to_vault(vaultName=VAULT, Tags={f"key{start + number}": "value" for number in range(10)})
    full = {f"more{number}": "value" for number in range(10)}
    seen["tags"] = {
        "added": added,
        "left": left,
        "reserved": failure(client.add_tags_to_vault, vaultName=VAULT, Tags={"aws:x": ""}),
        "none": failure(client.add_tags_to_vault, vaultName=VAULT),
        "tooMany": failure(client.add_tags_to_vault, vaultName=VAULT, Tags=full),
    }


def notifications():
    none = failure(client.get_vault_notifications, vaultName=VAULT)
    config = {"SNSTopic": TOPIC, "Events": BOTH}
    client.set_vault_notifications(vaultName=VAULT, vaultNotificationConfig=config)
    found = client.get_vault_notifications(vaultName=VAULT)["vaultNotificationConfig"]
    client.delete_vault_notifications(vaultName=VAULT)
    wrong = {"SNSTopic": TOPIC, "Events": ["Everything"]}
    seen["notifications"] = {
        "none": none,
        "found": found == config,
        "deleted": failure(client.get_vault_notifications, vaultName=VAULT),
        "wrong": failure(client.set_vault_notifications, vaultName=VAULT, vaultNotificationConfig=wrong),
    }


def access_policy():
    none = failure(client.get_vault_access_policy, vaultName=VAULT)
    client.set_vault_access_policy(vaultName=VAULT, policy={"Policy": document("access")})
    found = client.get_vault_access_policy(vaultName=VAULT)["policy"]["Policy"]
    client.delete_vault_access_policy(vaultName=VAULT)
    seen["accessPolicy"] = {
        "none": none,
        "found": found == document("access"),
        "deleted": failure(client.get_vault_access_policy, vaultName=VAULT),
        "wrong": failure(client.set_vault_access_policy, vaultName=VAULT, policy={"Policy": "{}"}),
    }


def lock():
    none = failure(client.get_vault_lock, vaultName=VAULT)
    first = client.initiate_vault_lock(vaultName=VAULT, policy={"Policy": document("lock")})["lockId"]
    trial = client.get_vault_lock(vaultName=VAULT)
    again = failure(client.initiate_vault_lock, vaultName=VAULT, policy={"Policy": document("lock")})
    client.abort_vault_lock(vaultName=VAULT)
    second = client.initiate_vault_lock(vaultName=VAULT, policy={"Policy": document("lock")})["lockId"]
    wrong = failure(client.complete_vault_lock, vaultName=VAULT, lockId=first)
    client.complete_vault_lock(vaultName=VAULT, lockId=second)
    client.complete_vault_lock(vaultName=VAULT, lockId=second)
    locked = client.get_vault_lock(vaultName=VAULT)
    seen["lock"] = {
        "none": none,
        "trial": [trial["State"], trial["Policy"] == document("lock"), "ExpirationDate" in trial],
        "again": again,
        "wrong": wrong[:3],
        "locked": [locked["State"], "ExpirationDate" in locked],
        "abort": failure(client.abort_vault_lock, vaultName=VAULT),
    }


def retrieval_policy():
    def rules():
        return client.get_data_retrieval_policy()["Policy"]["Rules"]

    def put(**rule):
        client.set_data_retrieval_policy(Policy={"Rules": [rule]})

    archive = client.upload_archive(vaultName=VAULT, body=bytes(1000))["archiveId"]
    job = {"Type": "archive-retrieval", "ArchiveId": archive}
    default = rules()
    put(Strategy="BytesPerHour", BytesPerHour=2**63 - 1)
    largest = str(rules()[0]["BytesPerHour"])
    put(Strategy="BytesPerHour", BytesPerHour=249)
    refused = failure(client.initiate_job, vaultName=VAULT, jobParameters=job)
    put(Strategy="None")
    rule = {"Strategy": "None", "BytesPerHour": 1}
    seen["retrievalPolicy"] = {
        "default": default,
        "largest": largest,
        "refused": refused,
        "wrong": failure(client.set_data_retrieval_policy, Policy={"Rules": [rule]})[:3],
    }


def capacity():
    bought = [client.purchase_provisioned_capacity()["capacityId"] for _ in range(2)]
    third = failure(client.purchase_provisioned_capacity)
    listed = [unit["CapacityId"] for unit in client.list_provisioned_capacity()["ProvisionedCapacityList"]]
    seen["capacity"] = {"listed": sorted(listed) == sorted(bought), "third": third[:3]}


client.create_vault(vaultName=VAULT)
tags()
notifications()
access_policy()
lock()
retrieval_policy()
capacity()
tell(seen)
