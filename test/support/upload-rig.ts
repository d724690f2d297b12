import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createClient, type GlacierClient } from "../../packages/client/src/node.ts";
import type { TransferEvent } from "../../packages/client/src/transfers/events.ts";
import { GlacierHttp } from "./glacier-http.ts";
import { region, rootKey, type ServerProcess, startServer } from "./server-process.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { type Change, type Passed, WatchingProxy } from "./watching-proxy.ts";

/** A server with an empty vault, a proxy that watches it, and a client of the proxy: for tests of uploads by the library. */
export class UploadRig implements AsyncDisposable {
  readonly folder: string;
  readonly server: ServerProcess;
  readonly proxy: WatchingProxy;
  readonly http: GlacierHttp;
  readonly client: GlacierClient;
  readonly vaultName: string;
  readonly #stack: AsyncDisposableStack;
  #runs = 0;

  private constructor(
    parts: Pick<UploadRig, "folder" | "server" | "proxy" | "client" | "vaultName">,
    stack: AsyncDisposableStack,
  ) {
    this.folder = parts.folder;
    this.server = parts.server;
    this.proxy = parts.proxy;
    this.client = parts.client;
    this.vaultName = parts.vaultName;
    this.http = stack.adopt(new GlacierHttp(parts.server.url), (http) => http.close());
    this.#stack = stack;
  }

  static async start(vaultName: string): Promise<UploadRig> {
    const stack = new AsyncDisposableStack();
    const { path: folder } = stack.use(await temporaryFolder());
    const server = stack.use(await startServer({ dataFolder: join(folder, "data") }));
    const proxy = stack.use(await WatchingProxy.start(server.url));
    const client = await createClient({ endpoint: proxy.url, region, credentials: rootKey, attemptsMax: 2 });
    const rig = new UploadRig({ folder, server, proxy, client, vaultName }, stack);
    await rig.http.createVault(vaultName);
    return rig;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  /** A new file with the content, a new journal, and answers that are changed so. */
  async newRun(content: Uint8Array, change: (request: Passed) => Change | undefined = () => undefined) {
    const path = join(this.folder, `source-${this.#runs}`);
    const journal = join(this.folder, `journal-${this.#runs}`);
    this.#runs += 1;
    await writeFile(path, content);
    const from = this.proxy.passed.length;
    this.proxy.change = change;
    const events: TransferEvent[] = [];
    return {
      path,
      journal,
      source: { path },
      /** Without a journal. */
      options: { vaultName: this.vaultName, onEvent: (event: TransferEvent) => events.push(event) },
      warnings: () => events.flatMap((event) => (event.kind === "warning" ? [event.code] : [])),
      /** Since the run began. */
      sentParts: () => this.proxy.parts(from).map(({ range }) => range),
      requests: () => this.proxy.passed.slice(from).map(({ method, path: requested }) => `${method} ${requested}`),
    };
  }

  async archiveIds(): Promise<string[]> {
    return (await this.http.inventory(this.vaultName)).map(({ ArchiveId }) => ArchiveId);
  }

  async assertStored(archiveId: string, bytes: Uint8Array): Promise<void> {
    assert.ok((await this.http.retrieve(this.vaultName, archiveId)).equals(bytes));
  }
}

export async function* inPieces(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    yield bytes.subarray(start, start + pieceBytes);
  }
}
