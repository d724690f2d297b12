import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { isTreeHashAligned } from "@moraine/protocol";
import { digestOfBytes } from "../../src/transfers/hashing/part-digest.ts";

type Job = Readonly<Record<string, unknown>>;

/** A service with one output, which is that of every archive and of every inventory, and whose jobs a test can add and remove. */
export interface JobService extends AsyncDisposable {
  readonly url: string;
  readonly treeHash: string;
  /** Every request, as `GET /-/vaults/…`. */
  readonly requests: string[];
  readonly jobs: Map<string, Job>;
  /** Whether the service's jobs have succeeded. */
  isReady: boolean;
  /** Called instead of the response to the start of a job. */
  onLostStart: (() => void) | null;
  /** The value of the header of that name in DescribeVault's response. */
  inventories: string | null;
  /** Null for an inventory. */
  addJob(archiveId: string | null, description?: string | null): string;
  /** Returns the requests so far whose path has this end. */
  count(method: string, pathEnd: string): number;
  reset(): void;
}

export async function jobService(content: Buffer): Promise<JobService> {
  const { treeHash } = digestOfBytes(content, "tree");
  let started = 0;
  const service: JobService = {
    url: "",
    treeHash,
    requests: [],
    jobs: new Map(),
    isReady: true,
    onLostStart: null,
    inventories: null,
    addJob(archiveId, JobDescription = null) {
      started += 1;
      const jobId = `job-${started}`;
      const kind = archiveId === null ? inventoryJob(content.length) : archiveJob(archiveId, content.length, treeHash);
      service.jobs.set(jobId, {
        ...kind,
        JobDescription,
        JobId: jobId,
        CreationDate: new Date(started * 1000).toISOString(),
      });
      return jobId;
    },
    count: (method, pathEnd) =>
      service.requests.filter((each) => each.startsWith(`${method} `) && each.split("?")[0]?.endsWith(pathEnd)).length,
    reset() {
      service.requests.length = 0;
      service.jobs.clear();
      Object.assign(service, { isReady: true, onLostStart: null, inventories: null });
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
  const server = createServer(async (request, response) => {
    const { method = "", url = "", headers } = request;
    service.requests.push(`${method} ${url}`);
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece);
    const [, , , , jobs, jobId = "", output] = new URL(url, "http://service").pathname.split("/");
    if (method === "POST") {
      startJob(response, service, Buffer.concat(pieces).toString());
    } else if (jobs === undefined) {
      describeVault(response, service.inventories);
    } else if (output === undefined) {
      describeJobs(response, service, jobId);
    } else {
      const hasHash = service.jobs.get(jobId)?.["ArchiveId"] !== null;
      sendRange(response, content, headers.range ?? "", hasHash);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(service, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

const inventoryJob = (sizeBytes: number): Job => ({
  Action: "InventoryRetrieval",
  ArchiveId: null,
  InventorySizeInBytes: sizeBytes,
  InventoryRetrievalParameters: { Format: "JSON", StartDate: null, EndDate: null, Limit: null, Marker: null },
});

const archiveJob = (archiveId: string, sizeBytes: number, treeHash: string): Job => ({
  Action: "ArchiveRetrieval",
  ArchiveId: archiveId,
  ArchiveSizeInBytes: sizeBytes,
  ArchiveSHA256TreeHash: treeHash,
  SHA256TreeHash: treeHash,
  RetrievalByteRange: `0-${sizeBytes - 1}`,
});

function startJob(response: ServerResponse, { addJob, onLostStart }: JobService, body: string): void {
  const { ArchiveId = null, Description } = JSON.parse(body);
  const jobId = addJob(ArchiveId, Description);
  if (onLostStart === null) {
    response.writeHead(202, { "x-amz-job-id": jobId }).end();
  } else {
    onLostStart();
  }
}

function describeVault(response: ServerResponse, inventories: string | null): void {
  const vault = { VaultName: "photos", NumberOfArchives: 1, LastInventoryDate: null };
  json(response, vault, inventories === null ? {} : { "x-moraine-inventories": inventories });
}

/** Describes one job, or without an id all of them, the newest first. */
function describeJobs(response: ServerResponse, { jobs, isReady }: JobService, jobId: string): void {
  const described = (job: Job) => ({ ...job, StatusCode: isReady ? "Succeeded" : "InProgress" });
  const job = jobs.get(jobId);
  if (jobId === "") {
    json(response, { JobList: [...jobs.values()].map(described).toReversed(), Marker: null });
  } else if (job === undefined) {
    const error = { code: "ResourceNotFoundException", message: `The job ID was not found: ${jobId}`, type: "Client" };
    response.writeHead(404, { "content-type": "application/json" }).end(JSON.stringify(error));
  } else {
    json(response, described(job));
  }
}

function json(response: ServerResponse, value: object, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(200, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
}

function sendRange(response: ServerResponse, content: Buffer, range: string, hasHash: boolean): void {
  const [, first = "0", last = String(content.length - 1)] = /^bytes=([0-9]+)-([0-9]+)$/.exec(range) ?? [];
  const bytes = content.subarray(Number(first), Number(last) + 1);
  const isNode = isTreeHashAligned({ firstByte: Number(first), lastByte: Number(last) }, content.length);
  response.writeHead(206, {
    "content-range": `bytes ${first}-${last}/${content.length}`,
    "content-length": bytes.length,
    ...(hasHash && isNode && { "x-amz-sha256-tree-hash": digestOfBytes(bytes, "tree").treeHash }),
  });
  response.end(bytes);
}
