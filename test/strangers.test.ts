import assert from "node:assert/strict";
import { test } from "node:test";
import { runServer, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// Tests what a server shows without a signature, and to whom.

const get = async (url: string) => {
  const response = await fetch(url);
  return { status: response.status, text: await response.text() };
};

test("metrics and reasons are served on an address of their own, and no longer with the API", async () => {
  await using folder = await temporaryFolder();
  const flags = ["--metrics-listen", "127.0.0.1:0", "--allow-faults"];
  await using server = await startServer({ dataFolder: folder.path, flags });
  assert.match((await get(`${server.metricsUrl}/metrics`)).text, /^moraine_ready 1$/m);
  assert.match((await get(`${server.metricsUrl}/health/ready`)).text, /"warnings":\["Faults are allowed/);
  assert.equal((await get(`${server.url}/metrics`)).status, 400);
  assert.deepEqual(await get(`${server.url}/health/ready`), { status: 200, text: '{"status":"ready"}' });
  await server.stop();
});

test("metrics are served with the API only where nobody reaches it from beyond the machine", async () => {
  await using folder = await temporaryFolder();
  for (const [flags, status] of [
    [[], 200],
    [["--trusted-proxy", "127.0.0.0/8"], 400],
    [["--listen", "0.0.0.0:0", "--insecure"], 400],
  ] as const) {
    await using server = await startServer({ dataFolder: folder.path, flags });
    const { port } = new URL(server.url);
    assert.equal((await get(`http://127.0.0.1:${port}/metrics`)).status, status, flags.join(" "));
    assert.equal(server.metricsUrl, null);
    await server.stop();
  }
});

test("metrics are rendered at most once a second", async () => {
  await using folder = await temporaryFolder();
  await using server = await startServer({ dataFolder: folder.path });
  const texts: string[] = [];
  const start = performance.now();
  for (let count = 0; count < 300; count += 1) {
    texts.push((await get(`${server.url}/metrics`)).text);
  }
  const seconds = (performance.now() - start) / 1000;
  // Each text that is rendered counts the requests before it, so no two are alike.
  assert.ok(new Set(texts).size <= seconds + 2, `${new Set(texts).size} texts in ${seconds} s`);
  await server.stop();
});

test("settings of strangers' limits that cannot be read are refused", async () => {
  for (const [flags, message] of [
    [["--metrics-listen", "nowhere"], /^moraine: --metrics-listen: must be HOST:PORT/],
    [["--metrics-listen", "0.0.0.0:9000"], /^moraine: --metrics-listen: 0\.0\.0\.0 is not loopback.*--insecure/],
    [["--listen", "127.0.0.1:70000"], /^moraine: --listen: must be HOST:PORT, with a port up to 65535/],
    [["--trusted-proxy", "10.0.0.0/40"], /^moraine: --trusted-proxy: must be a network, like 192\.0\.2\.0\/24/],
    [["--connections-per-address", "0"], /^moraine: --connections-per-address: must be a whole number of connections/],
  ] as const) {
    const { code, stderr } = await runServer(flags);
    assert.equal(code, 2);
    assert.match(stderr, message);
  }
});
