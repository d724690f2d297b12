import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { Shell } from "./support/command.ts";
import { cleanEnvironment, endingOf, repositoryRoot, startServer, within } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// Tests of the signals that a server gets, and of how it is started: by the README's command.

test("SIGTERM to npm start ends the server, which gives its folder and its port back", async () => {
  await using folder = await temporaryFolder();
  const child = spawn("npm", ["start", "--", "--data", folder.path, "--listen", "127.0.0.1:0"], {
    cwd: repositoryRoot,
    env: cleanEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  try {
    const url = await endpointOf(child.stdout);
    child.kill("SIGTERM");
    // It resolves when the last process that holds the pipes has ended.
    await within(20_000, endingOf(child), "the server runs on without npm");
    await assert.rejects(fetch(`${url}/health/live`));
    await using again = await startServer({ dataFolder: folder.path });
    await again.stop();
  } finally {
    killGroup(child.pid ?? 0);
  }
});

test("SIGUSR1 opens no inspector in a server, neither with the flag of npm start nor without", async () => {
  await using folder = await temporaryFolder();
  await using server = await startServer({ dataFolder: folder.path });
  server.signal("SIGUSR1");
  assert.equal((await fetch(`${server.url}/health/live`)).status, 200);
  assert.doesNotMatch((await server.stop()).stderr, /Debugger/);

  const args = ["--conditions=@moraine/source", "packages/server/src/main.ts"];
  const unflagged = spawn(process.execPath, [...args, "--data", folder.path, "--listen", "127.0.0.1:0"], {
    cwd: repositoryRoot,
    env: cleanEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ending = endingOf(unflagged);
  const url = await endpointOf(unflagged.stdout);
  unflagged.kill("SIGUSR1");
  assert.equal((await fetch(`${url}/health/live`)).status, 200);
  unflagged.kill("SIGTERM");
  assert.doesNotMatch((await within(20_000, ending, "it does not end")).stderr, /Debugger/);
});

test("SIGUSR1 opens no inspector in the command", async () => {
  await using folder = await temporaryFolder();
  const child = new Shell(folder.path, {}).start(["treehash", "-"]);
  const ending = endingOf(child);
  // More than a pipe holds: it has been written once the command reads.
  await new Promise((resolve) => child.stdin?.write(Buffer.alloc(1024 ** 2), resolve));
  child.kill("SIGUSR1");
  child.stdin?.end();
  assert.deepEqual(await ending, {
    code: 0,
    signal: null,
    stdout: "30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58  -\n",
    stderr: "",
  });
});

async function endpointOf(stdout: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface(stdout)) {
    const url = /^export AWS_ENDPOINT_URL_GLACIER=(\S+)$/.exec(line)?.[1];
    if (url !== undefined) {
      // The end of the loop has paused it.
      setImmediate(() => stdout.resume());
      return url;
    }
  }
  throw new Error("It ended before it served");
}

/** Whatever is left of it. */
function killGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // Nothing is left.
  }
}
