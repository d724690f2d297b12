import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { after, before, test } from "node:test";
import { pathValues, type RouteRequest, routeRequests } from "../auth/route-drafts.ts";
import { startTarget, type Target } from "../auth/side-effects.ts";
import { connectRaw, type RawConnection } from "./raw-socket.ts";
import { signedText, textOf } from "./signed-text.ts";

// Names that climb, end early or mean another file, in every place where a client names something. All of them are signed.

let target: Target;
let connection: RawConnection;
before(async () => {
  target = await startTarget();
  connection = await connectRaw(target.server.port);
});
after(async () => {
  connection.close();
  await target.stop();
});

const climbs = [
  "..",
  ".",
  "../..",
  "../../../../../../etc/passwd",
  "..%2f..%2f..%2f..%2fetc%2fpasswd",
  "%2e%2e",
  "%2E%2E",
  ".%2e",
  "%2e",
  "%2e%2e/%2e%2e/photos",
  "%2e%2e%2f%2e%2e%2fphotos",
  "%252e%252e%252f",
  "%2f",
  "%2fetc%2fpasswd",
  "/etc/passwd",
  "//",
  "photos//archives",
  "photos/../photos",
  "photos/./",
  "photos%2f..%2fphotos",
  "..\\..\\windows",
  "..%5c..%5cwindows",
  "%5c%5chost%5cshare",
  "\\",
  "C:%5c",
  "C:",
  "photos%00",
  "%00",
  "photos%00.txt",
  "..%00/",
  "%0a",
  "photos%0d%0aX-Evil:1",
  "%c0%ae%c0%ae",
  "%c0%ae%c0%ae%c0%afetc",
  "%e0%80%ae%e0%80%ae",
  "%f0%80%80%ae",
  "%c0%af",
  "%c1%9c",
  "%ff",
  "%fe%fe",
  "%c3",
  "%ed%a0%80",
  "\xff\xfe",
  "\xc0\xae\xc0\xae/",
  "\xe9",
  "%",
  "%2",
  "%zz",
  "%u002e%u002e",
  "..;/",
  "..;a=b",
  "~root",
  "~%2f.ssh",
  "photos;x",
  "photos:stream",
  "photos::$DATA",
  "photos%20",
  "photos.%20",
  "...%2f",
  "....%2f%2f",
  ".../...//",
  "%ef%bc%8e%ef%bc%8e%ef%bc%8f",
  "%e2%80%ae",
  "%f0%9f%93%b7",
  "__proto__%2f",
  "constructor%2f",
  "con%2f.",
  "$(id)",
  "`id`",
  "|id",
  "*",
  "%3f",
  "%23",
  "a".repeat(256).concat("%2f"),
  "a".repeat(4000),
] as const;

test("no traversal in a path succeeds, causes an internal failure or reaches a file", { timeout: 60_000 }, async () => {
  const untouched = await target.snapshot();
  let total = 0;
  for (const member of Object.keys(pathValues)) {
    for (const climb of climbs) {
      const requests = routeRequests({ ...pathValues, uploadId: target.uploadId, [member]: climb });
      for (const request of requests.filter(({ operation }) => operation.path.includes(`{${member}}`))) {
        await assertRefused(request);
        total += 1;
      }
    }
  }
  assert.ok(total >= 2000, `${total} requests`);
  assert.deepEqual(await target.snapshot(), untouched);
});

test("no traversal in a marker, query, header or body succeeds, causes an internal failure or reaches a file", async () => {
  const untouched = await target.snapshot();
  const byName = new Map(
    routeRequests({ ...pathValues, uploadId: target.uploadId }).map((route) => [route.name, route]),
  );
  const named = (name: RouteRequest["name"]) => byName.get(name) as RouteRequest;
  for (const climb of climbs) {
    const wire = climb.replace(/[^!-~]|[#&]/g, (character) => encodeURIComponent(character));
    for (const name of ["ListVaults", "ListJobs", "ListMultipartUploads", "ListParts"] as const) {
      const route = named(name);
      await assertRefused({ ...route, path: `${route.path}?marker=${wire}` });
      await assertRefused({ ...route, path: `${route.path}?limit=${wire}` });
    }
    const bodies = [
      { Type: "archive-retrieval", ArchiveId: climb },
      { Type: "archive-retrieval", ArchiveId: safelyDecoded(climb) },
      { Type: safelyDecoded(climb) },
      { Type: "inventory-retrieval", SNSTopic: climb },
      { Type: "inventory-retrieval", Format: climb },
      { Type: "inventory-retrieval", InventoryRetrievalParameters: { Marker: safelyDecoded(climb) } },
    ];
    for (const body of bodies) {
      await assertRefused({ ...named("InitiateJob"), body: JSON.stringify(body) });
    }
    await assertRefused({ ...named("InitiateMultipartUpload"), headers: { "x-amz-part-size": climb } });
  }
  assert.deepEqual(await target.snapshot(), untouched);
});

async function assertRefused({ name, method, path, headers, body }: RouteRequest): Promise<void> {
  const payloadHash = headers["x-amz-content-sha256"] ?? hash("sha256", body);
  const signed = signedText(target.server, { method, path, headers, payloadHash });
  const answer = await connection.request(
    textOf(signed, [`Content-Length: ${Buffer.byteLength(body)}`], Buffer.from(body).toString("latin1")),
  );
  const where = `${name} ${JSON.stringify(path)} ${body}: ${answer.status} ${answer.text}`;
  if (name === "DeleteVault" && answer.status === 204) {
    return; // There is no such vault, which is what was asked for.
  }
  assert.equal(Math.floor(answer.status / 100), 4, where);
  assert.deepEqual(Object.keys(answer.json() ?? {}), ["code", "message", "type"], where);
  assert.doesNotMatch(answer.json()?.code ?? "", /Signature|Token/, where);
}

function safelyDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
