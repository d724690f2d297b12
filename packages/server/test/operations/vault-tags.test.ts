import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { ListTagsForVaultOutput } from "@moraine/protocol";
import fc from "fast-check";
import { assertError, createVault, invalid, missing, vaultNotFound, vaultPath } from "../support/glacier.ts";
import { accountId, startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
let vaults = 0;
before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

/** Each story has a vault of its own. */
async function newVault(): Promise<string> {
  vaults += 1;
  await createVault(server, `vault-${vaults}`);
  return `vault-${vaults}`;
}

const change = (operation: string, vault: string, body?: unknown) =>
  server.client.send({
    method: "POST",
    path: `${vaultPath(vault)}/tags${operation}`,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const add = (vault: string, tags: unknown) => change("?operation=add", vault, { Tags: tags });
const remove = (vault: string, keys: unknown) => change("?operation=remove", vault, { TagKeys: keys });
const list = (vault: string) => server.client.send({ method: "GET", path: `${vaultPath(vault)}/tags` });

async function tagsOf(vault: string): Promise<Readonly<Record<string, string>>> {
  const answer = await list(vault);
  assert.equal(answer.status, 200, answer.text);
  return answer.json<ListTagsForVaultOutput>().Tags;
}

async function tagged(vault: string, tags: Readonly<Record<string, string>>): Promise<void> {
  const answer = await add(vault, tags);
  assert.equal(answer.status, 204, answer.text);
  assert.equal(answer.text, "");
}

const numbered = (count: number, from = 0) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`key ${from + index}`, `${index}`]));
const serialization = { status: 400, code: "SerializationException", message: /^The request body is not of the right/ };

test("a vault without tags lists none", async () => {
  assert.equal((await list(await newVault())).text, '{"Tags":{}}');
});

test("tags are added, written over and removed", async () => {
  const vault = await newVault();
  await tagged(vault, { project: "glacier", empty: "" });
  await tagged(vault, { project: "moraine", Project: "another key" });
  assert.equal((await list(vault)).text, '{"Tags":{"Project":"another key","empty":"","project":"moraine"}}');
  const removed = await remove(vault, ["project", "never there", "project"]);
  assert.equal(removed.status, 204);
  assert.equal(removed.text, "");
  assert.deepEqual(await tagsOf(vault), { Project: "another key", empty: "" });
  assert.equal((await remove(vault, ["project"])).status, 204);
});

test("each vault has its own tags, and a vault that is made again has none", async () => {
  const [first, second] = [await newVault(), await newVault()];
  await tagged(first, { a: "1" });
  assert.deepEqual(await tagsOf(second), {});
  assert.equal((await server.client.send({ method: "DELETE", path: vaultPath(first) })).status, 204);
  await createVault(server, first);
  assert.deepEqual(await tagsOf(first), {});
});

test("a key may have 128 and a value 255 Unicode characters, of any script and plane", async () => {
  const vault = await newVault();
  const longest = { ["𝒳".repeat(128)]: "𠀀".repeat(255), "Größe 丈 ١٢٣": "_ . / = + - @ :", a: "x".repeat(255) };
  await tagged(vault, longest);
  assert.deepEqual(await tagsOf(vault), longest);
});

describe("one bad entry refuses all that came with it:", () => {
  for (const [what, tags, message] of [
    ["an empty key", { "": "v" }, "Invalid tag key: "],
    ["a key of 129 characters", { ["k".repeat(129)]: "v" }, `Invalid tag key: ${"k".repeat(129)}`],
    ["a key of AWS's own", { "aws:createdBy": "v" }, "Invalid tag key: aws:createdBy"],
    ["a key with another mark", { "a*b": "v" }, "Invalid tag key: a*b"],
    ["a key with a line break", { "a\nb": "v" }, "Invalid tag key: a\nb"],
    ["half a character", { "\ud800": "v" }, /^Invalid tag key: /],
    ["a value of 256 characters", { k: "v".repeat(256) }, `Invalid tag value: ${"v".repeat(256)}`],
    ["a value with another mark", { k: "50%" }, "Invalid tag value: 50%"],
    ["a value with a control character", { k: "\u0007" }, "Invalid tag value: \u0007"],
  ] as const) {
    test(what, async () => {
      const vault = await newVault();
      await tagged(vault, { good: "before" });
      assertError(await add(vault, { good: "after", ...tags, better: "too" }), invalid(message));
      assert.deepEqual(await tagsOf(vault), { good: "before" });
    });
  }

  test("a bad key among those to remove", async () => {
    const vault = await newVault();
    await tagged(vault, { good: "stays" });
    for (const key of ["", "k".repeat(129), "aws:x", "a*b"]) {
      assertError(await remove(vault, ["good", key]), invalid(`Invalid tag key: ${key}`));
    }
    assert.deepEqual(await tagsOf(vault), { good: "stays" });
  });
});

test("a request has 1 to 10 entries", async () => {
  const vault = await newVault();
  await tagged(vault, numbered(10));
  assertError(await add(vault, numbered(11)), invalid("A request must name 1 to 10 tags, not 11"));
  assertError(await add(vault, {}), invalid("A request must name 1 to 10 tags, not 0"));
  assertError(await remove(vault, []), invalid("A request must name 1 to 10 tag keys, not 0"));
  const eleven = Object.keys(numbered(11));
  assertError(await remove(vault, eleven), invalid("A request must name 1 to 10 tag keys, not 11"));
  assert.deepEqual(await tagsOf(vault), numbered(10));
  assert.equal((await remove(vault, eleven.slice(0, 10))).status, 204);
  assert.deepEqual(await tagsOf(vault), {});
});

test("a vault has 50 tags at most; a request that would exceed that changes nothing", async () => {
  const vault = await newVault();
  for (let from = 0; from < 50; from += 10) {
    await tagged(vault, numbered(10, from));
  }
  const tooMany = { status: 400, code: "LimitExceededException", message: "Tag limit exceeded: 50" };
  assertError(await add(vault, { "key 0": "changed", "one more": "" }), tooMany);
  assert.equal((await tagsOf(vault))["key 0"], "0");
  await tagged(vault, { "key 0": "changed" });
  assert.equal((await tagsOf(vault))["key 0"], "changed");
  assert.equal((await remove(vault, ["key 1"])).status, 204);
  await tagged(vault, { "one more": "" });
  assert.equal(Object.keys(await tagsOf(vault)).length, 50);
});

test("tags that are added at once are all kept, and no more than 50", async () => {
  const vault = await newVault();
  const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => add(vault, numbered(10, index * 10))));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [204, 204, 204, 204, 204, 400, 400, 400]);
  assert.equal(Object.keys(await tagsOf(vault)).length, 50);
});

test("names the missing parameter", async () => {
  const vault = await newVault();
  for (const body of [undefined, {}, { Tags: null }, { TagKeys: ["a"] }]) {
    assertError(await change("?operation=add", vault, body), missing("tags"));
  }
  for (const body of [undefined, {}, { TagKeys: null }, { Tags: { a: "b" } }]) {
    assertError(await change("?operation=remove", vault, body), missing("tagKeys"));
  }
});

test("a field of another type is not of the right shape", async () => {
  const vault = await newVault();
  for (const tags of ["a", ["a"], 1, { a: 1 }, { a: null }, { a: { b: "c" } }]) {
    assertError(await add(vault, tags), serialization);
  }
  for (const keys of ["a", { a: "b" }, 1, [1], [null], [["a"]]]) {
    assertError(await remove(vault, keys), serialization);
  }
});

test("POST without an operation, or with another, is refused", async () => {
  const vault = await newVault();
  for (const query of ["", "?operation=", "?operation=replace", "?operation=ADD", "?other=add"]) {
    assertError(await change(query, vault, { Tags: { a: "b" } }), invalid(/^Invalid operation: /));
  }
  assert.deepEqual(await tagsOf(vault), {});
});

test("a vault that is not there is not found, whatever the body says", async () => {
  assertError(await add("nowhere", { "": 1 }), vaultNotFound("nowhere"));
  assertError(await remove("nowhere", []), vaultNotFound("nowhere"));
  assertError(await list("nowhere"), vaultNotFound("nowhere"));
});

test("the account may be named by its digits, and must be one's own", async () => {
  const vault = await newVault();
  const path = `/vaults/${vault}/tags`;
  const own = await server.client.send({ method: "GET", path: `/${accountId}${path}` });
  assert.equal(own.status, 200);
  assertError(await server.client.send({ method: "GET", path: `/999999999999${path}` }), {
    status: 403,
    code: "AccessDeniedException",
    message: "Access denied for account ID: 999999999999",
  });
});

test("any sequence of additions and removals leaves the tags that a map would have", async () => {
  const key = fc.constantFrom("a", "A", "b b", "constructor", "toString", "1", "0", "é");
  const step: fc.Arbitrary<{ tags?: Record<string, string>; keys?: string[] }> = fc.oneof(
    fc.record({ tags: fc.dictionary(key, fc.constantFrom("", "1", "x y"), { minKeys: 1, maxKeys: 4 }) }),
    fc.record({ keys: fc.array(key, { minLength: 1, maxLength: 4 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
      const vault = await newVault();
      const model = new Map<string, string>();
      for (const { tags = {}, keys = [] } of steps) {
        const answer = keys.length === 0 ? await add(vault, tags) : await remove(vault, keys);
        assert.equal(answer.status, 204, answer.text);
        for (const [name, value] of Object.entries(tags)) model.set(name, value);
        for (const name of keys) model.delete(name);
      }
      assert.deepEqual(await tagsOf(vault), Object.fromEntries(model));
    }),
    { numRuns: 40 },
  );
});
