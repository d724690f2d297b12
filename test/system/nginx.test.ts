import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { selfSigned } from "../../packages/server/test/support/certificate.ts";
import { contentOf, treeHashOf } from "../support/content.ts";
import { runTool } from "../support/run-tool.ts";
import { repositoryRoot, startServer } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// The configuration of deploy/nginx, run by Debian's nginx in front of a server, with aws-cli as the client.

const mebibyte = 1024 ** 2;
/** More than nginx takes without a setting, and more than it keeps in memory. */
const content = contentOf(1, 5 * mebibyte + 1);

test("aws-cli stores and reads an archive through nginx, whose responses it trusts by the certificate", async () => {
  await using folder = await temporaryFolder();
  await using server = await startServer({
    dataFolder: join(folder.path, "data"),
    flags: ["--trusted-proxy", "127.0.0.1"],
  });
  const { certFile, keyFile } = await selfSigned(folder.path);
  const port = await freePort();
  await using _ = await startNginx(folder.path, port, {
    "127.0.0.1:8484": server.url.replace("http://", ""),
    "/etc/ssl/moraine/fullchain.pem": certFile,
    "/etc/ssl/moraine/key.pem": keyFile,
  });
  const url = `https://127.0.0.1:${port}`;
  const aws = async (command: string, ...args: readonly string[]) => {
    const common = ["--endpoint-url", url, "--output", "json", "glacier", command, "--account-id", "-"];
    const environment = { AWS_CA_BUNDLE: certFile };
    const ending = await runTool({ url }, "/usr/bin/aws", [...common, ...args], { environment });
    assert.equal(ending.code, 0, ending.stderr);
    return ending.stdout === "" ? {} : JSON.parse(ending.stdout);
  };
  await writeFile(join(folder.path, "body"), content);
  const inVault = ["--vault-name", "photos"];
  await aws("create-vault", ...inVault);
  const { archiveId, checksum } = await aws("upload-archive", ...inVault, "--body", join(folder.path, "body"));
  assert.equal(checksum, treeHashOf(content));
  // Ids may begin with a hyphen, which the tool would take for an option.
  const parameters = JSON.stringify({ Type: "archive-retrieval", ArchiveId: archiveId });
  const { jobId } = await aws("initiate-job", ...inVault, "--job-parameters", parameters);
  await aws("get-job-output", ...inVault, `--job-id=${jobId}`, join(folder.path, "output"));
  assert.ok((await readFile(join(folder.path, "output"))).equals(content));
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Starts it with the configuration as it is, but for where things are on this machine. */
async function startNginx(
  folder: string,
  port: number,
  places: Readonly<Record<string, string>>,
): Promise<AsyncDisposable> {
  let site = await readFile(join(repositoryRoot, "deploy/nginx/moraine.conf"), "utf8");
  const here = { ...places, "listen [::]:443 ssl;": "", "listen 443 ssl;": `listen 127.0.0.1:${port} ssl;` };
  for (const [expected, own] of Object.entries(here)) {
    assert.ok(site.includes(expected), expected);
    site = site.replace(expected, own);
  }
  await writeFile(join(folder, "site.conf"), site);
  const around = `daemon off; pid ${folder}/nginx.pid; error_log stderr; events {} http { access_log off; include ${folder}/site.conf; }`;
  await writeFile(join(folder, "nginx.conf"), around);
  const child = spawn("nginx", ["-p", folder, "-c", join(folder, "nginx.conf")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let complaints = "";
  child.stderr.on("data", (text: string) => {
    complaints += text;
  });
  const ended = once(child, "exit");
  for (let tries = 0; !(await accepts(port)); tries += 1) {
    assert.ok(tries < 100 && child.exitCode === null, complaints);
    await sleep(100);
  }
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

const accepts = (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}`).then(
    () => true,
    (error: Error) => !String((error.cause as NodeJS.ErrnoException | undefined)?.code).includes("ECONNREFUSED"),
  );
