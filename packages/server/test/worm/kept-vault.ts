import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { temporaryFolder } from "../../../../test/support/temporary-folder.ts";
import { ManualClock } from "../../src/clock/clocks.ts";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import { FilesystemBlobStore } from "../../src/storage/blobs/filesystem.ts";
import {
  assertSameBytes,
  completeRequest,
  createVault,
  eventually,
  finishedJob,
  getOutput,
  initiateUpload,
  mebibyte,
  partRequest,
  randomContent,
  treeHashOf,
  uploadArchive,
  vaultPath,
} from "../support/glacier.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { dayMilliseconds, startTestServer, type TestServer, type TestServerOptions } from "../support/server.ts";
import type { RequestOptions, WireAnswer } from "../support/signed-request.ts";

export const vault = "kept";
export const invocationId = "6f4922f4-55c8-4f9c-a5c0-1c3e9b6a2c11";

interface Kept {
  readonly bytes: Buffer;
  readonly treeHash: string;
  readonly description: string;
}

/** A vault with archives of every kind over real files, and a server over it, whose policies believe no clock that was moved. */
export class KeptVault implements AsyncDisposable {
  readonly archives = new Map<string, Kept>();
  /** The upload that became an archive, and the bytes of its parts. */
  uploadId = "";
  parts: Buffer = Buffer.alloc(0);
  readonly folder: string;
  readonly #end: AsyncDisposableStack;
  /** As the first inventory has them. */
  readonly #dates = new Map<string, string | undefined>();
  #server: TestServer | undefined;
  #metadata: MetadataStore | undefined;

  private constructor(folder: string, end: AsyncDisposableStack) {
    this.folder = folder;
    this.#end = end;
  }

  static async make(): Promise<KeptVault> {
    const end = new AsyncDisposableStack();
    const folder = end.use(await temporaryFolder());
    const kept = new KeptVault(folder.path, end);
    await kept.start();
    await createVault(kept.server, vault);
    await kept.#fill();
    return kept;
  }

  /** Another server, over a copy of all that this one has on its disk. */
  async copy(): Promise<KeptVault> {
    const end = new AsyncDisposableStack();
    const folder = end.use(await temporaryFolder());
    using database = new DatabaseSync(join(this.folder, "metadata.db"));
    database.exec(`VACUUM INTO '${join(folder.path, "metadata.db")}'`);
    await cp(join(this.folder, "blobs"), join(folder.path, "blobs"), { recursive: true });
    const copy = new KeptVault(folder.path, end);
    for (const [id, archive] of this.archives) {
      copy.archives.set(id, archive);
    }
    await copy.start();
    return copy;
  }

  get server(): TestServer {
    assert.ok(this.#server);
    return this.#server;
  }

  async start(options: TestServerOptions = {}): Promise<void> {
    const blobs = new FilesystemBlobStore(this.folder);
    await blobs.prepare();
    this.#metadata = await openInlineStore(join(this.folder, "metadata.db"));
    this.#server = await startTestServer({ trustsClock: false, ...options, blobs, metadata: this.#metadata });
  }

  /** @param moved by how much the clock is another when the service comes back, in milliseconds. */
  async restart(moved: number, options: TestServerOptions = {}): Promise<void> {
    const now = this.server.clock.now() + moved;
    await this.#stop();
    await this.start({ ...options, clock: new ManualClock(now) });
  }

  /** Asks as the root. */
  send(method: string, path: string, body?: object, more: Partial<RequestOptions> = {}): Promise<WireAnswer> {
    return this.server.client.send({ method, path, ...(body && { body: JSON.stringify(body) }), ...more });
  }

  onVault(method: string, path = "", body?: object, more: Partial<RequestOptions> = {}): Promise<WireAnswer> {
    return this.send(method, `${vaultPath(vault)}${path}`, body, more);
  }

  deleteAll(more: Partial<RequestOptions> = {}): Promise<WireAnswer[]> {
    const ids = [...this.archives.keys()];
    return Promise.all(ids.map((id) => this.onVault("DELETE", `/archives/${id}`, undefined, more)));
  }

  async lock(policy: string): Promise<string> {
    const initiated = await this.onVault("POST", "/lock-policy", { Policy: policy });
    assert.equal(initiated.status, 201, initiated.text);
    const lockId = String(initiated.headers["x-amz-lock-id"]);
    assert.equal((await this.onVault("POST", `/lock-policy/${lockId}`)).status, 204);
    return lockId;
  }

  /** Moves the clock, and waits until upkeep has done all that there is to do at that time, the sweeping last. */
  async upkeep(moved: number): Promise<void> {
    const { clock, parts } = this.server;
    const key = parts.blobs.newKey("leftover");
    await parts.metadata.recordIntent({ key, ownerId: "leftover", leaseUntil: 0 });
    clock.advance(moved);
    using database = new DatabaseSync(join(this.folder, "metadata.db"), { readOnly: true });
    const leftovers = database.prepare("SELECT name FROM segments WHERE owner_head = CAST('leftover' AS BLOB)");
    await eventually("upkeep has swept", async () => {
      clock.advance(60_000);
      return leftovers.get() === undefined;
    });
    assert.deepEqual(this.server.postponed, []);
  }

  /** Each archive is listed with all that is known of it, can be retrieved, and reads as it was. Others may have come. */
  async assertUnchanged(): Promise<void> {
    const job = await finishedJob(this.server, vault, { Type: "inventory-retrieval" });
    const inventory = (await getOutput(this.server, vault, job)).json<{ ArchiveList: InventoryLine[] }>();
    const lines = new Map(inventory.ArchiveList.map((line) => [line.ArchiveId, line]));
    for (const [id, { bytes, description, treeHash }] of this.archives) {
      const { CreationDate, ...line } = lines.get(id) ?? {};
      const Size = bytes.length;
      assert.deepEqual(line, { ArchiveDescription: description, ArchiveId: id, SHA256TreeHash: treeHash, Size });
      this.#dates.set(id, this.#dates.get(id) ?? CreationDate);
      assert.equal(CreationDate, this.#dates.get(id));
      // A policy on retrievals may hold Standard ones up.
      const retrieval = { Type: "archive-retrieval", ArchiveId: id, Tier: "Bulk" };
      assertSameBytes(
        (await getOutput(this.server, vault, await finishedJob(this.server, vault, retrieval))).body,
        bytes,
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    await this.#end.disposeAsync();
  }

  async #fill(): Promise<void> {
    const single = randomContent(mebibyte + 12_345);
    this.#note(await uploadArchive(this.server, vault, single, "one go"), single, "one go");
    const small = randomContent(1);
    this.#note(await uploadArchive(this.server, vault, small), small, "");
    await this.upkeep(2 * dayMilliseconds);
    // Last, for a completed upload is remembered for a day only.
    this.parts = randomContent(2 * mebibyte + 77);
    this.uploadId = await initiateUpload(this.server, vault, mebibyte, "in parts");
    for (let start = 0; start < this.parts.length; start += mebibyte) {
      const part = this.parts.subarray(start, start + mebibyte);
      assert.equal((await this.server.client.send(partRequest(vault, this.uploadId, start, part))).status, 204);
    }
    const completed = await this.server.client.send(completeRequest(vault, this.uploadId, this.parts));
    this.#note(String(completed.headers["x-amz-archive-id"]), this.parts, "in parts");
    await this.assertUnchanged();
  }

  #note(id: string, bytes: Buffer, description: string): void {
    this.archives.set(id, { bytes, description, treeHash: treeHashOf(bytes) });
  }

  async #stop(): Promise<void> {
    await this.#server?.stop();
    await this.#metadata?.close();
  }
}

type InventoryLine = Readonly<
  Record<"ArchiveDescription" | "ArchiveId" | "CreationDate" | "SHA256TreeHash", string>
> & {
  readonly Size: number;
};
