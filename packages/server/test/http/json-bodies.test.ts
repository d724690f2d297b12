import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { createVault } from "../support/glacier.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import type { WireAnswer } from "../support/signed-request.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
  await createVault(server, "photos");
});
after(() => server.stop());

const initiate = (body: string | Uint8Array): Promise<WireAnswer> =>
  server.client.send({ method: "POST", path: "/-/vaults/photos/jobs", body });

async function assertCode(body: string | Uint8Array, code: RegExp, what: string): Promise<void> {
  const answer = await initiate(body);
  assert.equal(answer.status, 400, `${what}: ${answer.text.slice(0, 200)}`);
  assert.match(answer.json<{ code: string }>().code, code, what);
}

const inventory = '"Type":"inventory-retrieval"';
const deep = (depth: number) => `{${inventory},"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;

test("JSON that parsers disagree about is refused", async () => {
  for (const [what, body] of [
    ["a key twice", `{${inventory},${inventory}}`],
    ["a key twice, once escaped", `{${inventory},"\\u0054ype":"archive-retrieval"}`],
    ["a key twice, further down", `{${inventory},"a":[{"b":1,"b":2}]}`],
    ["__proto__", `{${inventory},"__proto__":{"Tier":"Bulk"}}`],
    ["__proto__, escaped", `{${inventory},"\\u005f_proto__":1}`],
    ["__proto__, further down", `{${inventory},"a":{"__proto__":1}}`],
    ["33 levels", deep(33)],
    ["ten thousand levels", deep(10_000)],
    ["half of twenty thousand levels", `{${inventory},"a":${"[".repeat(20_000)}`],
    ["an array", "[]"],
    ["null", "null"],
    ["a number", "1"],
    ["a string", '"Type"'],
    ["two objects", "{}{}"],
    ["a comment", `{${inventory}/**/}`],
    ["a trailing comma", `{${inventory},}`],
    ["single quotes", "{'Type':'inventory-retrieval'}"],
    ["a control character", `{${inventory},"a":"\u0001"}`],
    ["no value", '{"Type":}'],
    ["NaN", `{${inventory},"a":NaN}`],
    ["only white space", " \n"],
    ["UTF-16", Buffer.from(`{${inventory}}`, "utf16le")],
    ["bytes that are no UTF-8", Buffer.from(`{${inventory},"a":"\xff"}`, "latin1")],
    [
      "an overlong slash",
      Buffer.concat([Buffer.from(`{${inventory},"a":"`), Buffer.of(0xc0, 0xaf), Buffer.from('"}')]),
    ],
    [
      "half a surrogate pair in bytes",
      Buffer.concat([Buffer.from('{"a":"'), Buffer.of(0xed, 0xa0, 0x80), Buffer.from('"}')]),
    ],
    ["a number that no double holds", `{${inventory},"InventoryRetrievalParameters":{"Limit":1e400}}`],
    ["a list for a text", '{"Type":["inventory-retrieval"]}'],
    ["an object for a text", '{"Type":{}}'],
    ["a number for an object", `{${inventory},"InventoryRetrievalParameters":1}`],
  ] as const) {
    await assertCode(body, /^SerializationException$/, what);
  }
});

test("unusual JSON with one meaning is understood", async () => {
  for (const body of [
    `\ufeff{${inventory}}`,
    ` \r\n\t{ ${inventory} } `,
    `{"jobParameters":{${inventory}}}`,
    '{"\\u0054ype":"\\u0069nventory-retrieval"}',
    `{${inventory},"constructor":1,"toString":2,"hasOwnProperty":3,"proto":4}`,
    `{${inventory},"a":{"b":1},"c":{"b":1}}`,
    `{${inventory},"a":1e400,"b":-0,"c":123456789012345678901234567890}`,
    `{${inventory},"a":"\\"{[\\\\","b":"\\ud800"}`,
    deep(31),
  ]) {
    const answer = await initiate(body);
    assert.equal(answer.status, 202, `${body}: ${answer.text}`);
  }
});

test("a body as long as a job's may be is read, however it is made up, and a longer one is refused", async () => {
  const sizeBytesMax = 32 * 1024;
  const filled = (unit: string) => {
    const [start, end] = [`{${inventory},"a":`, "}"];
    const room = sizeBytesMax - start.length - end.length - 2;
    return `${start}"${unit.repeat(Math.floor(room / Buffer.byteLength(unit)))}"${end}`;
  };
  for (const unit of ["x", "\\n", '\\"', "\\\\", "\\u0041", "{", "[", "é"]) {
    const answer = await initiate(filled(unit));
    assert.equal(answer.status, 202, `${unit}: ${answer.text.slice(0, 200)}`);
  }
  const keys = (length: number) => Array.from({ length }, (_, index) => `"k${index}":0`).join(",");
  assert.equal((await initiate(`{${inventory},${keys(900)}}`)).status, 202);
  await assertCode(`{${inventory},${keys(3000)}}`, /^SerializationException$/, "too many values");
  await assertCode(`{${inventory}}${" ".repeat(sizeBytesMax)}`, /^BadRequest$/, "too many bytes");
});

test("no body makes the server fail", { timeout: 30_000 }, async () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 30 }),
    fc.constantFrom("inventory-retrieval", "archive-retrieval", "JSON", "Bulk", "0-0", "\0", "\ud800"),
  );
  const member = fc.oneof(text, fc.jsonValue({ maxDepth: 3 }), fc.double(), fc.bigInt().map(String), fc.constant(null));
  const names = [
    "Type",
    "ArchiveId",
    "Description",
    "SNSTopic",
    "Tier",
    "RetrievalByteRange",
    "Format",
    "InventoryRetrievalParameters",
    "SelectParameters",
    "OutputLocation",
  ];
  const inner = fc.dictionary(fc.constantFrom("StartDate", "EndDate", "Limit", "Marker", "x"), member, { maxKeys: 4 });
  const parameters = fc
    .array(fc.tuple(fc.oneof(fc.constantFrom(...names), text), fc.oneof(member, inner)), { maxLength: 6 })
    .map(
      (entries) =>
        `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value) ?? "null"}`).join(",")}}`,
    );
  const damaged = fc
    .tuple(parameters, fc.nat(), fc.string({ unit: "binary", maxLength: 2 }))
    .map(
      ([json, at, piece]) => json.slice(0, at % (json.length + 1)) + piece + json.slice((at % (json.length + 1)) + 1),
    );
  const bytes = fc.uint8Array({ maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(fc.oneof(parameters, damaged, bytes), async (body) => {
      const answer = await initiate(body);
      assert.ok(answer.status === 202 || (answer.status >= 400 && answer.status < 500), answer.text);
    }),
    { numRuns: 1500, seed: 11 },
  );
});

test("no body of what is set makes the server fail, or is answered without being of the right shape", {
  timeout: 60_000,
}, async () => {
  const changes = [
    ["POST", "/-/vaults/photos/tags?operation=add", "Tags"],
    ["POST", "/-/vaults/photos/tags?operation=remove", "TagKeys"],
    ["PUT", "/-/vaults/photos/notification-configuration", "Events"],
    ["PUT", "/-/vaults/photos/access-policy", "Policy"],
    ["POST", "/-/vaults/photos/lock-policy", "Policy"],
    ["PUT", "/-/policies/data-retrieval", "Policy"],
  ] as const;
  const name = fc.constantFrom(
    "Tags",
    "TagKeys",
    "Events",
    "SNSTopic",
    "Policy",
    "Rules",
    "Strategy",
    "BytesPerHour",
    "x",
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(
        '""',
        '"None"',
        '"BytesPerHour"',
        "null",
        "true",
        "0",
        "-1",
        "1.5",
        "9223372036854775808",
        "1e300",
      ),
      fc.string({ unit: "binary", maxLength: 10 }).map((text) => JSON.stringify(text)),
      fc.array(tie("value"), { maxLength: 3 }).map((items) => `[${items.join(",")}]`),
      fc
        .uniqueArray(fc.tuple(name, tie("value")), { maxLength: 3, selector: ([key]) => key })
        .map((entries) => `{${entries.map(([key, item]) => `"${key}":${item}`).join(",")}}`),
    ),
  }));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...changes),
      value,
      fc.boolean(),
      async ([method, path, member], inner, wrapped) => {
        const body = wrapped ? `{"${member}":${inner}}` : inner;
        const answer = await server.client.send({ method, path, body });
        assert.ok(answer.status === 204 || answer.status === 400, `${method} ${path} ${body}: ${answer.text}`);
      },
    ),
    { numRuns: 1500, seed: 13 },
  );
});
