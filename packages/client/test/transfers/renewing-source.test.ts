import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { retrieveArchive } from "../../src/transfers/retrieval/retrieve-archive.ts";
import { clientOf } from "../support/scripted-client.ts";
import { answer, refuse, type Step, scriptedServer } from "../support/scripted-server.ts";

const mebibyte = 1024 ** 2;
const sizeBytes = 2 * mebibyte;
const json = (value: object): Step => answer(200, { "content-type": "application/json" }, JSON.stringify(value));
const job = (JobId: string, StatusCode: string) => ({
  JobId,
  Action: "ArchiveRetrieval",
  ArchiveId: "archive",
  StatusCode,
  ArchiveSizeInBytes: sizeBytes,
  ArchiveSHA256TreeHash: "0".repeat(64),
  RetrievalByteRange: `0-${sizeBytes - 1}`,
  CreationDate: "2026-01-01T00:00:00.000Z",
});

test("a final failure does not wait for a job that is being renewed, whose polls end", {
  timeout: 30_000,
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "moraine-renewing-"));
  t.after(() => rm(folder, { recursive: true }));
  let polls = 0;
  const renewing = Promise.withResolvers<void>();
  const step: Step = (response, request) => {
    const answers: readonly (readonly [RegExp, () => Step])[] = [
      [/jobs(\?|$)/, () => json({ JobList: [job("new", "InProgress"), job("old", "Succeeded")], Marker: null })],
      [/jobs\/old$/, () => json(job("old", "Succeeded"))],
      [
        /jobs\/new$/,
        () => {
          polls += 1;
          renewing.resolve();
          return json(job("new", "InProgress"));
        },
      ],
    ];
    const found = answers.find(([path]) => path.test(request.url));
    if (found !== undefined) {
      found[1]()(response, request);
    } else if (request.headers.range?.startsWith("bytes=0-")) {
      refuse(404, "ResourceNotFoundException")(response, request);
    } else {
      void renewing.promise.then(() => refuse(403, "AccessDeniedException")(response, request));
    }
  };
  await using server = await scriptedServer(step);
  const options = { target: join(folder, "target"), rangeSizeBytes: mebibyte };
  await assert.rejects(retrieveArchive(clientOf(server), { vaultName: "photos", archiveId: "archive" }, options), {
    name: "AccessDeniedException",
  });
  await sleep(200); // Polls have intervals of 50 ms at first.
  const before = polls;
  await sleep(1000);
  assert.equal(polls, before);
});
