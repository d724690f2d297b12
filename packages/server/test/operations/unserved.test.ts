import { after, before, test } from "node:test";
import { operations } from "@moraine/protocol";
import { accountHandlers, vaultHandlers } from "../../src/operations/index.ts";
import { assertError, createVault, unknownId } from "../support/glacier.ts";
import { accountId, startTestServer, type TestServer } from "../support/server.ts";

const served: readonly string[] = [...Object.keys(accountHandlers), ...Object.keys(vaultHandlers)];
const unserved = Object.entries(operations).filter(([name]) => !served.includes(name));

let server: TestServer;
before(async () => {
  server = await startTestServer();
  await createVault(server, "vault");
});
after(() => server.stop());

for (const [name, { method, path, selector, request }] of unserved) {
  const pathIn = (account: string, vault: string) => {
    const filled = path
      .replace("{accountId}", account)
      .replace("{vaultName}", vault)
      .replace(/\{\w+\}/, unknownId);
    return selector === undefined ? filled : `${filled}?${new URLSearchParams(selector)}`;
  };
  const body = request === "json" ? { body: "{}" } : {};
  const refusal = { status: 400, code: "BadRequest", message: `This version of Moraine does not serve ${name} yet` };

  test(`${name} is refused with its name`, async () => {
    for (const account of ["-", accountId]) {
      assertError(await server.client.send({ method, path: pathIn(account, "vault"), ...body }), refusal);
    }
    assertError(await server.client.send({ method, path: pathIn("-", "nowhere"), ...body }), refusal);
  });

  test(`${name} is refused to strangers as any other operation is`, async () => {
    assertError(await server.client.send({ method, path: pathIn("-", "vault"), ...body, key: null }), {
      status: 400,
      code: "MissingAuthenticationTokenException",
      message: "Missing Authentication Token",
    });
    assertError(await server.client.send({ method, path: pathIn("999999999999", "vault"), ...body }), {
      status: 403,
      code: "AccessDeniedException",
      message: "Access denied for account ID: 999999999999",
    });
  });
}
