import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { allNodes, sha256 } from "../../../protocol/test/naive-tree.ts";
import {
  assertSameBytes,
  createVault,
  finishedJob,
  getOutput,
  mebibyte,
  randomContent,
  treeHashOf,
  uploadArchive,
  uploadInParts,
} from "../support/glacier.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

// Random ranges of random jobs, against a model that knows nothing of the server: bytes are cut from the archive, and a
// range has a checksum when the naive tree has a node over exactly its leaves.

interface Sample {
  readonly archiveId: string;
  readonly bytes: Buffer;
  /** The leaves of each node, as `first-end`. */
  readonly nodes: ReadonlySet<string>;
  readonly jobs: Map<string, Promise<string>>;
}

let server: TestServer;
const samples: Sample[] = [];
/** Sizes in bytes, and of parts; zero is an upload at once. */
const shapes = [
  [1, 0],
  [mebibyte, 0],
  [3 * mebibyte + 5, 0],
  [7 * mebibyte, 0],
  [100, mebibyte],
  [5 * mebibyte + 1, mebibyte],
  [6 * mebibyte + 7, 2 * mebibyte],
  [9 * mebibyte - 1, 4 * mebibyte],
] as const;

before(async () => {
  server = await startTestServer();
  await createVault(server, "vault");
  for (const [sizeBytes, partSize] of shapes) {
    const bytes = randomContent(sizeBytes);
    const archiveId =
      partSize === 0
        ? await uploadArchive(server, "vault", bytes)
        : await uploadInParts(server, "vault", bytes, partSize);
    const leaves = Array.from({ length: Math.ceil(sizeBytes / mebibyte) }, (_, index) =>
      sha256(bytes.subarray(index * mebibyte, (index + 1) * mebibyte)),
    );
    const nodes = new Set(allNodes(leaves).map(({ first, end }) => `${first}-${end}`));
    samples.push({ archiveId, bytes, nodes, jobs: new Map() });
  }
});
after(() => server.stop());

const jobOver = (sample: Sample, first: number, last: number): Promise<string> => {
  const range = `${first}-${last}`;
  const { archiveId } = sample;
  const job =
    sample.jobs.get(range) ??
    finishedJob(server, "vault", { Type: "archive-retrieval", ArchiveId: archiveId, RetrievalByteRange: range });
  sample.jobs.set(range, job);
  return job;
};

const isNode = ({ bytes, nodes }: Sample, first: number, last: number): boolean => {
  const whole = first % mebibyte === 0 && ((last + 1) % mebibyte === 0 || last + 1 === bytes.length);
  return whole && nodes.has(`${first / mebibyte}-${Math.ceil((last + 1) / mebibyte)}`);
};

/** Offsets that lie at, just before and just after a MiB as often as anywhere. */
const offset = fc.oneof(
  fc
    .double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    .map((part) => (size: number) => Math.floor(part * size)),
  fc.tuple(fc.nat({ max: 9 }), fc.constantFrom(0, 0, 0, -1, 1)).map(
    ([leaf, by]) =>
      (size: number) =>
        Math.min(Math.max(leaf * mebibyte + by, 0), size - 1),
  ),
);
const end = fc.oneof(
  offset,
  fc.nat({ max: 9 }).map((leaf) => (size: number) => Math.min((leaf + 1) * mebibyte, size) - 1),
  fc.constant((size: number) => size - 1),
);
const scenario = fc.record({
  shape: fc.nat({ max: shapes.length - 1 }),
  jobLeaves: fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 9 })),
  first: offset,
  last: end,
});

test("any range of any job gives exactly its bytes, and a checksum exactly when both ranges are nodes of the tree", async () => {
  let checksums = 0;
  const property = fc.asyncProperty(scenario, async ({ shape, jobLeaves, first: drawFirst, last: drawLast }) => {
    const sample = samples[shape];
    assert.ok(sample !== undefined);
    const leaves = Math.ceil(sample.bytes.length / mebibyte);
    const [low = 0, high = 0] = jobLeaves.map((leaf) => leaf % leaves).toSorted((a, b) => a - b);
    const jobFirst = low * mebibyte;
    const jobLast = Math.min((high + 1) * mebibyte, sample.bytes.length) - 1;
    const whole = sample.bytes.subarray(jobFirst, jobLast + 1);
    const [first = 0, last = 0] = [drawFirst(whole.length), drawLast(whole.length)].toSorted((a, b) => a - b);
    const jobId = await jobOver(sample, jobFirst, jobLast);
    const answer = await getOutput(server, "vault", jobId, `bytes=${first}-${last}`);
    assert.equal(answer.status, 206);
    assert.equal(answer.headers["content-range"], `bytes ${first}-${last}/${whole.length}`);
    assertSameBytes(answer.body, whole.subarray(first, last + 1));
    const expected = isNode(sample, jobFirst, jobLast) && isNode(sample, jobFirst + first, jobFirst + last);
    assert.equal(answer.headers["x-amz-sha256-tree-hash"], expected ? treeHashOf(answer.body) : undefined);
    checksums += expected ? 1 : 0;
  });
  await fc.assert(property, { numRuns: 150 });
  assert.ok(checksums > 10, `the scenarios reach both sides: ${checksums} checksums`);
});
