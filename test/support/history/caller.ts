import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { contentOf, treeHashOf } from "../content.ts";
import { GlacierHttp, type InventoryEntry, type Call as Request } from "../glacier-http.ts";
import type { rootKey } from "../server-process.ts";
import { type Answer, type Call, jobFailed, type Outcome, type Tags } from "./calls.ts";
import { nameOfPolicy, policyText } from "./policy-text.ts";

type CallOf<Op extends Call["op"]> = Extract<Call, { op: Op }>;
type Response = Awaited<ReturnType<GlacierHttp["send"]>>;

/** Ends a call that has another outcome than success. */
class CallRefused extends Error {
  readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    super(outcome.kind);
    this.outcome = outcome;
  }
}

function outcomeOf({ status, body }: Response): Outcome {
  const code = codeIn(body);
  return code !== null && status < 500 ? { kind: "refused", code } : { kind: "unknown", reason: `${status} ${code}` };
}

function codeIn(body: Buffer): string | null {
  try {
    return String(JSON.parse(body.toString()).code);
  } catch {
    return null;
  }
}

/** Makes the calls of a history over HTTP, with the ids that earlier responses gave to their names. */
export class HistoryCaller {
  /** How long a job may take before its call's outcome is unknown. */
  jobSecondsMax = 60;
  #glacier: GlacierHttp;
  #url: string;
  #clockAheadMilliseconds = 0;
  /** Access keys that the service has shown, by vault and name. */
  readonly #keys = new Map<string, typeof rootKey>();
  readonly #vaultPrefix: string;
  /** Ids of archives, uploads, jobs and locks, by kind, vault and name. */
  readonly #ids = new Map<string, string>();

  /** @param vaultPrefix of the history's vaults: others on the same server belong to other histories. */
  constructor(url: string, vaultPrefix: string) {
    this.#url = url;
    this.#glacier = new GlacierHttp(url);
    this.#vaultPrefix = vaultPrefix;
  }

  /** The next server of the same data listens elsewhere. */
  moveTo(url: string): void {
    this.close();
    this.#url = url;
    this.#glacier = new GlacierHttp(url);
    this.clockAheadMilliseconds = this.#clockAheadMilliseconds;
  }

  /** How far the server's clock is ahead of this one's. */
  set clockAheadMilliseconds(milliseconds: number) {
    this.#clockAheadMilliseconds = milliseconds;
    this.#glacier.clockAheadMilliseconds = milliseconds;
  }

  /** Another caller, which knows the same ids. */
  copy(): HistoryCaller {
    const copy = new HistoryCaller(this.#url, this.#vaultPrefix);
    for (const [name, id] of this.#ids) {
      copy.#ids.set(name, id);
    }
    for (const [name, shown] of this.#keys) {
      copy.#keys.set(name, shown);
    }
    return copy;
  }

  close(): void {
    this.#glacier.close();
  }

  /** Never rejects: a call whose response did not come has an unknown outcome. */
  async perform(call: Call): Promise<Outcome> {
    try {
      const make = this.#calls[call.op] as (call: Call) => Promise<Answer>;
      return { kind: "ok", answer: await make(call) };
    } catch (error) {
      return error instanceof CallRefused ? error.outcome : { kind: "unknown", reason: String(error) };
    }
  }

  readonly #calls: { readonly [Op in Call["op"]]: (call: CallOf<Op>) => Promise<Answer> } = {
    CreateVault: (call) => this.#done("PUT", at(call)),
    DeleteVault: (call) => this.#done("DELETE", at(call)),
    DescribeVault: (call) => this.#done("GET", at(call)),
    ListVaults: () => this.#listVaults(),
    UploadArchive: (call) => this.#upload(call),
    DeleteArchive: (call) =>
      this.#done("DELETE", at(call, `/archives/${this.#id("archive", call.vault, call.archive)}`)),
    ListArchives: (call) => this.#listArchives(call),
    ReadArchive: async (call) => this.#output(call.vault, await this.#startRetrieval(call)),
    SetVaultNotifications: (call) =>
      this.#done("PUT", at(call, "/notification-configuration"), {}, { SNSTopic: call.topic, Events: announcedEvents }),
    GetVaultNotifications: async (call) => ({
      topic: (await this.#json<{ SNSTopic: string }>(at(call, "/notification-configuration"))).SNSTopic,
    }),
    CreateAccessKey: (call) => this.#createKey(call),
    DeleteAccessKey: (call) => this.#asAdmin("DELETE", `/access-keys/${this.#key(call).accessKeyId}`),
    UseAccessKey: (call) => this.#useKey(call),
    BackUp: async () => {
      throw new Error("a backup is taken by another program");
    },
    InitiateMultipartUpload: (call) => this.#initiate(call),
    UploadMultipartPart: (call) => this.#uploadPart(call),
    CompleteMultipartUpload: (call) => this.#complete(call),
    AbortMultipartUpload: (call) => this.#done("DELETE", this.#uploadPath(call)),
    ListParts: (call) => this.#listParts(call),
    ListMultipartUploads: (call) => this.#listUploads(call),
    InitiateJob: async (call) => {
      const jobId = await this.#startRetrieval(call);
      this.#ids.set(key("job", call.vault, call.job), jobId);
      return { jobId };
    },
    DescribeJob: async (call) => ({ state: (await this.#describeJob(call.vault, this.#job(call))).StatusCode }),
    GetJobOutput: async (call) => outputAnswer(await this.#outputBytes(call.vault, this.#job(call))),
    AddTagsToVault: (call) => this.#done("POST", at(call, "/tags"), { operation: "add" }, { Tags: call.tags }),
    RemoveTagsFromVault: (call) =>
      this.#done("POST", at(call, "/tags"), { operation: "remove" }, { TagKeys: call.keys }),
    ListTagsForVault: async (call) => ({ tags: (await this.#json<{ Tags: Tags }>(at(call, "/tags"))).Tags }),
    SetVaultAccessPolicy: (call) =>
      this.#done("PUT", at(call, "/access-policy"), {}, { Policy: policyText(call.policy, call) }),
    DeleteVaultAccessPolicy: (call) => this.#done("DELETE", at(call, "/access-policy")),
    GetVaultAccessPolicy: async (call) => ({
      policy: nameOfPolicy((await this.#json<{ Policy: string }>(at(call, "/access-policy"))).Policy),
    }),
    InitiateVaultLock: (call) => this.#initiateLock(call),
    CompleteVaultLock: (call) =>
      this.#done("POST", at(call, `/lock-policy/${this.#id("lock", call.vault, call.lock)}`)),
    AbortVaultLock: (call) => this.#done("DELETE", at(call, "/lock-policy")),
    GetVaultLock: async (call) => {
      const { Policy, State } = await this.#json<{ Policy: string; State: string }>(at(call, "/lock-policy"));
      return { lock: nameOfPolicy(Policy), state: State };
    },
    AdvanceClock: async ({ seconds }) => {
      await this.#glacier.admin("POST", "/clock", { Seconds: seconds });
      return {};
    },
  };

  async #demand(request: Request): Promise<Response> {
    const response = await this.#glacier.send(request);
    if (response.status >= 300) {
      throw new CallRefused(outcomeOf(response));
    }
    return response;
  }

  async #done(
    method: string,
    path: string,
    query: Readonly<Record<string, string>> = {},
    body?: object,
  ): Promise<Answer> {
    await this.#demand({ method, path, query, ...(body !== undefined && { body: Buffer.from(JSON.stringify(body)) }) });
    return {};
  }

  async #json<Body>(path: string, query: Readonly<Record<string, string>> = {}): Promise<Body> {
    return JSON.parse((await this.#demand({ method: "GET", path, query })).body.toString()) as Body;
  }

  /** All pages of a list. */
  async #pages<Row>(path: string, field: string): Promise<Row[]> {
    const rows: Row[] = [];
    for (let marker: string | null = ""; marker !== null; ) {
      const query: Readonly<Record<string, string>> = marker === "" ? {} : { marker };
      const page: Readonly<Record<string, unknown>> = await this.#json(path, query);
      rows.push(...(page[field] as Row[]));
      marker = page["Marker"] as string | null;
    }
    return rows;
  }

  async #asAdmin(method: string, path: string): Promise<Answer> {
    await this.#demand({ method, path: `/admin${path}`, service: "moraine" });
    return {};
  }

  async #createKey(call: CallOf<"CreateAccessKey">): Promise<Answer> {
    const headers = { "amz-sdk-invocation-id": randomUUID() };
    const { body } = await this.#demand({ method: "POST", path: "/admin/access-keys", headers, service: "moraine" });
    const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey } = JSON.parse(body.toString());
    this.#keys.set(key("key", call.vault, call.key), { accessKeyId, secretAccessKey });
    return {};
  }

  async #useKey(call: CallOf<"UseAccessKey">): Promise<Answer> {
    const glacier = new GlacierHttp(this.#url, this.#key(call));
    try {
      const response = await glacier.send({ method: "GET", path: at(call) });
      if (response.status >= 300) {
        throw new CallRefused(outcomeOf(response));
      }
      return {};
    } finally {
      glacier.close();
    }
  }

  #key({ vault, key: name }: { vault: string; key: string }): typeof rootKey {
    const shown = this.#keys.get(key("key", vault, name));
    if (shown === undefined) {
      throw new Error(`the secret of access key ${name} was never shown`);
    }
    return shown;
  }

  async #listVaults(): Promise<Answer> {
    const rows = await this.#pages<{ VaultName: string }>("/-/vaults", "VaultList");
    return { vaults: rows.map(({ VaultName }) => VaultName).filter((name) => name.startsWith(this.#vaultPrefix)) };
  }

  async #upload(call: CallOf<"UploadArchive">): Promise<Answer> {
    const { vault, archive, seed, sizeBytes, treeHash, pauseMilliseconds } = call;
    const request = {
      ...{ method: "POST", path: at({ vault }, "/archives"), body: contentOf(seed, sizeBytes) },
      headers: { "x-amz-archive-description": archive, "x-amz-sha256-tree-hash": treeHash },
      ...(pauseMilliseconds !== undefined && { pauseMilliseconds }),
    };
    return this.#named("archive", { vault, archive }, await this.#demand(request));
  }

  async #listArchives({ vault }: CallOf<"ListArchives">): Promise<Answer> {
    const jobId = await this.#startJob(vault, { Type: "inventory-retrieval" });
    const { ArchiveList } = JSON.parse((await this.#outputOnceReady(vault, jobId)).toString());
    const archives = (ArchiveList as InventoryEntry[]).map(
      ({ ArchiveId, ArchiveDescription, Size, SHA256TreeHash }) => {
        this.#ids.set(key("archive", vault, ArchiveDescription), ArchiveId);
        return { name: ArchiveDescription, id: ArchiveId, sizeBytes: Size, treeHash: SHA256TreeHash };
      },
    );
    return { archives, jobId };
  }

  async #initiate({ vault, archive, partSizeBytes }: CallOf<"InitiateMultipartUpload">): Promise<Answer> {
    const headers = { "x-amz-archive-description": archive, "x-amz-part-size": String(partSizeBytes) };
    const path = at({ vault }, "/multipart-uploads");
    const response = await this.#demand({ method: "POST", path, headers });
    this.#ids.set(key("upload", vault, archive), String(response.headers["x-amz-multipart-upload-id"]));
    return {};
  }

  async #uploadPart(call: CallOf<"UploadMultipartPart">): Promise<Answer> {
    const { seed, sizeBytes, firstByte, treeHash } = call;
    await this.#demand({
      method: "PUT",
      path: this.#uploadPath(call),
      headers: {
        "content-range": `bytes ${firstByte}-${firstByte + sizeBytes - 1}/*`,
        "x-amz-sha256-tree-hash": treeHash,
      },
      body: contentOf(seed, sizeBytes),
    });
    return {};
  }

  async #complete(call: CallOf<"CompleteMultipartUpload">): Promise<Answer> {
    const headers = { "x-amz-archive-size": String(call.sizeBytes), "x-amz-sha256-tree-hash": call.treeHash };
    return this.#named("archive", call, await this.#demand({ method: "POST", path: this.#uploadPath(call), headers }));
  }

  async #listParts(call: CallOf<"ListParts">): Promise<Answer> {
    const rows = await this.#pages<{ RangeInBytes: string; SHA256TreeHash: string }>(this.#uploadPath(call), "Parts");
    const parts = rows.map(({ RangeInBytes, SHA256TreeHash }) => {
      const [first = 0, last = 0] = RangeInBytes.split("-").map(Number);
      return { firstByte: first, sizeBytes: last - first + 1, treeHash: SHA256TreeHash };
    });
    return { parts };
  }

  async #listUploads({ vault }: CallOf<"ListMultipartUploads">): Promise<Answer> {
    const path = at({ vault }, "/multipart-uploads");
    const rows = await this.#pages<{ ArchiveDescription: string; MultipartUploadId: string }>(path, "UploadsList");
    for (const { ArchiveDescription, MultipartUploadId } of rows) {
      this.#ids.set(key("upload", vault, ArchiveDescription), MultipartUploadId);
    }
    return { uploads: rows.map(({ ArchiveDescription }) => ArchiveDescription) };
  }

  async #initiateLock(call: CallOf<"InitiateVaultLock">): Promise<Answer> {
    const body = Buffer.from(JSON.stringify({ Policy: policyText(call.lock, call) }));
    const response = await this.#demand({ method: "POST", path: at(call, "/lock-policy"), body });
    this.#ids.set(key("lock", call.vault, call.lock), String(response.headers["x-amz-lock-id"]));
    return {};
  }

  #startRetrieval({ vault, archive }: { vault: string; archive: string }): Promise<string> {
    const ArchiveId = this.#id("archive", vault, archive);
    return this.#startJob(vault, { Type: "archive-retrieval", ArchiveId });
  }

  async #startJob(vault: string, parameters: Readonly<Record<string, string>>): Promise<string> {
    const body = Buffer.from(JSON.stringify(parameters));
    const response = await this.#demand({ method: "POST", path: at({ vault }, "/jobs"), body });
    return String(response.headers["x-amz-job-id"]);
  }

  #describeJob(vault: string, jobId: string): Promise<{ readonly StatusCode: string }> {
    return this.#json(at({ vault }, `/jobs/${jobId}`));
  }

  async #outputOnceReady(vault: string, jobId: string): Promise<Buffer> {
    const end = performance.now() + this.jobSecondsMax * 1000;
    for (let pause = 2; performance.now() < end; pause = Math.min(2 * pause, 100)) {
      const { StatusCode } = await this.#describeJob(vault, jobId);
      if (StatusCode === "Succeeded") {
        return this.#outputBytes(vault, jobId);
      }
      if (StatusCode === "Failed") {
        throw new CallRefused({ kind: "refused", code: jobFailed });
      }
      await sleep(pause);
    }
    throw new Error(`job ${jobId} has not ended in ${this.jobSecondsMax} s`);
  }

  async #output(vault: string, jobId: string): Promise<Answer> {
    return { ...outputAnswer(await this.#outputOnceReady(vault, jobId)), jobId };
  }

  async #outputBytes(vault: string, jobId: string): Promise<Buffer> {
    return (await this.#demand({ method: "GET", path: at({ vault }, `/jobs/${jobId}/output`) })).body;
  }

  #named(kind: "archive", { vault, archive }: { vault: string; archive: string }, { headers }: Response): Answer {
    const archiveId = String(headers["x-amz-archive-id"]);
    this.#ids.set(key(kind, vault, archive), archiveId);
    return { archiveId };
  }

  #uploadPath({ vault, archive }: { vault: string; archive: string }): string {
    return at({ vault }, `/multipart-uploads/${this.#id("upload", vault, archive)}`);
  }

  #job({ vault, job }: { vault: string; job: string }): string {
    return this.#id("job", vault, job);
  }

  /** Ids of names that no response has shown are those of nothing. */
  #id(kind: Kind, vault: string, name: string): string {
    return this.#ids.get(key(kind, vault, name)) ?? unknownIds[kind];
  }
}

type Kind = "archive" | "upload" | "job" | "lock";

const announcedEvents = ["ArchiveRetrievalCompleted", "InventoryRetrievalCompleted"];

const unknownIds: Readonly<Record<Kind, string>> = {
  archive: "A".repeat(138),
  upload: "A".repeat(92),
  job: "A".repeat(92),
  lock: "A".repeat(16),
};

const key = (kind: Kind | "key", vault: string, name: string): string => `${kind} ${vault}/${name}`;

const at = ({ vault }: { readonly vault: string }, path = ""): string => `/-/vaults/${vault}${path}`;

const outputAnswer = (bytes: Buffer): Answer => ({ sizeBytes: bytes.length, treeHash: treeHashOf(bytes) });
