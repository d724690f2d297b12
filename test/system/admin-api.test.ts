import assert from "node:assert/strict";
import { test } from "node:test";
import { codeOf } from "../support/code-of-page.ts";
import { runTool } from "../support/run-tool.ts";
import { startServer } from "../support/server-process.ts";

// Tests the Python of docs/admin-api.md, with Debian's python3-boto3.

const python = "/usr/bin/python3";
const flags = ["--ephemeral", "--allow-faults", "--clock", "manual", "--profile", "aws"];

async function run(more: string) {
  await using server = await startServer({ dataFolder: null, flags });
  const code = [...codeOf("docs/admin-api.md", "python"), more].join("\n");
  const environment = { AWS_ENDPOINT_URL_GLACIER: server.url };
  const ending = await runTool(server, python, ["-B", "-c", code], { environment });
  await server.stop();
  return ending;
}

test("the signing of the page is 20 lines, and what it calls does what the page says", async () => {
  const [signing = ""] = codeOf("docs/admin-api.md", "python");
  assert.ok(signing.trimEnd().split("\n").length <= 21);
  const { code, stderr } = await run("");
  assert.deepEqual([code, stderr], [0, ""]);
});

test("the page's function sends queries and bodies, repeats itself, and raises what the server refuses", async () => {
  const { code, stdout, stderr } = await run(`
for name in ("a", "b+c", "d@e"):
    admin("PUT", f"/users/{name}")
first = admin("GET", "/users?limit=2")
rest = admin("GET", f"/users?marker={first['Marker']}")
print([user["UserName"] for page in (first, rest) for user in page["Users"]], rest["Marker"])
policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
admin("PUT", "/users/a/policies/p", {"Policy": json.dumps(policy)})
for _ in range(5):
    admin("DELETE", "/faults")
try:
    admin("DELETE", "/users/nobody")
except RuntimeError as error:
    print(error)
`);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(stdout.split("\n")[0], "['a', 'b+c', 'd@e'] None");
  assert.match(stdout, /^DELETE \/users\/nobody: 404 The user was not found: nobody$/m);
});
