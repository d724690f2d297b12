import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { createListener } from "../../src/http/connections/listener.ts";
import { testLimits } from "../support/server.ts";
import { signedClient } from "../support/signed-request.ts";

/** A client of a service that is starting until the test ends. */
export async function startingClient(t: TestContext) {
  const options = { limits: testLimits, trustedProxies: [], servesMetrics: true, certificate: null };
  const { server } = createListener({ ...options, systemNow: () => new Date() });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const key = { accessKeyId: "AKIA0000000000000000", secretAccessKey: "x".repeat(40) };
  const client = signedClient({ port: (server.address() as AddressInfo).port, key, region: "us-east-1" });
  t.after(() => client.close());
  return client;
}
