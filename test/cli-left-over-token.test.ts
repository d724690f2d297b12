import assert from "node:assert/strict";
import { test } from "node:test";
import { refuse, scriptedServer } from "../packages/client/test/support/scripted-server.ts";
import { ShellHere } from "./support/command.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

test("a session token that is left over from other keys is named, and that of temporary keys is not", async () => {
  await using folder = await temporaryFolder();
  await using server = await scriptedServer(refuse(403, "UnrecognizedClientException", "The token is invalid"));
  const shell = new ShellHere(folder.path);
  const keys = { AWS_SECRET_ACCESS_KEY: "secret", AWS_SESSION_TOKEN: "token", AWS_REGION: "us-east-1" };
  const advice = async (AWS_ACCESS_KEY_ID: string) => {
    Object.assign(process.env, keys, { AWS_ACCESS_KEY_ID });
    const { stderr } = await shell.run(["vault", "list", "--endpoint", server.url]);
    return stderr.split("\n")[1];
  };
  const leftOver =
    "AWS_SESSION_TOKEN is set and was sent with the key AKIAOLD: unset it, unless it belongs to that key.";
  assert.equal(await advice("AKIAOLD"), `moraine: ${leftOver}`);
  assert.match((await advice("ASIANEW")) ?? "", /^moraine: Check AWS_ACCESS_KEY_ID/);
});
