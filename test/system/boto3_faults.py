"""What an unmodified boto3 raises when the server is asked to fail; prints it as JSON, and judges nothing itself."""

from boto3_support import client, failure, tell

client.create_vault(vaultName="faulty")
archive = client.upload_archive(vaultName="faulty", body=b"bytes")["archiveId"]
job = {"Type": "archive-retrieval", "ArchiveId": archive, "Tier": "Expedited"}
failures = {
    "throttled": failure(client.list_vaults),
    "unavailable": failure(client.describe_vault, vaultName="faulty"),
    "noLongerSupported": failure(client.list_jobs, vaultName="faulty"),
    "insufficientCapacity": failure(client.initiate_job, vaultName="faulty", jobParameters=job),
}
tell({"errors": {name: found[:3] for name, found in failures.items()}})
