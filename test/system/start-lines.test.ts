import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { leftOver, runInShell } from "../support/left-over.ts";
import { startServer } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// Debian's boto3 and aws-cli in a shell in which the lines of a start were pasted. Their releases do not read
// AWS_ENDPOINT_URL_GLACIER yet, so it is passed on; the rest they must find.

const environment = { MORAINE_ROOT_ACCESS_KEY_ID: undefined, MORAINE_ROOT_SECRET_ACCESS_KEY: undefined };
const proxied = { http_proxy: "http://127.0.0.1:1", HTTP_PROXY: "http://127.0.0.1:1" };
const python = `/usr/bin/python3 -B -c '
import boto3, os
glacier = boto3.client("glacier", endpoint_url=os.environ["AWS_ENDPOINT_URL_GLACIER"])
print(glacier.list_vaults()["VaultList"])'`;
const cli =
  '/usr/bin/aws --endpoint-url "$AWS_ENDPOINT_URL_GLACIER" glacier list-vaults --account-id - --query VaultList --output json';

for (const [name, command] of [
  ["boto3", python],
  ["aws-cli", cli],
] as const) {
  test(`${name} finds the key and the region of the lines of a start, whatever was set before`, async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer({
      dataFolder: join(folder.path, "data"),
      environment: { ...environment, ...proxied },
    });
    const exportsOnly = server.lines.replaceAll(/^unset .*$/gm, "");
    const without = await runInShell(folder.path, `${exportsOnly}\n${command}`);
    assert.notEqual(without.code, 0, "the variables get in the way");
    const { code, stdout, stderr } = await runInShell(folder.path, `${server.lines}\n${command}`, proxied);
    assert.deepEqual([code, stdout, stderr], [0, "[]\n", ""], Object.keys(leftOver).join(" "));
    await server.stop();
  });
}
