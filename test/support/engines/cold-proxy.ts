import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { aged, bytesOf, errorXml, requestOf } from "./s3-proxy.ts";

// Stands before Ceph RGW and adds AWS's states of objects in GLACIER and DEEP_ARCHIVE, which no S3 server here has:
//
//   cold ── RestoreObject (202) ──> ongoing ── finishRestores() ──> restored ── lapse() ──> cold
//
// A GET of an object that is cold or ongoing, and a copy from it, get 403 InvalidObjectState. HEAD and GET have x-amz-restore. RestoreObject of an
// object that is ongoing gets 409, of a restored one 200 and a new expiry; Expedited is refused for DEEP_ARCHIVE. Classes themselves are kept and
// listed by Ceph, which has to know their names (CEPH_STORAGE_CLASSES) and takes them for names alone.
//
// Nothing here was compared with AWS. Known differences from it:
//
// - Time does not pass: a restore ends, and its copy expires, when the test says so, all at once. The date of expiry is AWS's (the days after the
//   end, rounded up to midnight UTC), but nothing happens then.
// - The signature of RestoreObject is not checked, nor any right; all else goes to Ceph, which checks it.
// - A class is known from the requests that passed here, for uploads in one request and copies. AWS's lifecycle rules are not there.
// - A faster tier for a restore that is ongoing gets 409; AWS speeds it up. Provisioned capacity, quotas and SELECT do not exist.
// - The error of Expedited for DEEP_ARCHIVE is a guess: 400 InvalidArgument.
// - There are no versions, no Intelligent-Tiering, no minimum of days, and no price.

export interface RestoreRequest {
  /** Below the bucket's name. */
  readonly key: string;
  readonly tier: string;
  readonly days: number;
}

interface Restore extends RestoreRequest {
  /** Null while it is ongoing. */
  readonly until: number | null;
}

interface Failure {
  readonly status: number;
  readonly code: string;
}

const coldClasses: ReadonlySet<string> = new Set(["GLACIER", "DEEP_ARCHIVE"]);
const dayMilliseconds = 24 * 3600 * 1000;

export class ColdProxy implements AsyncDisposable {
  /** Those that were accepted. */
  readonly restores: RestoreRequest[] = [];
  /** Asked for each RestoreObject; it is refused as this says. */
  refuse: (asked: RestoreRequest) => Failure | undefined = () => undefined;
  /** Called before a copy reaches Ceph. */
  beforeCopy: (key: string) => Promise<void> = async () => undefined;
  /** Objects of a list were changed this much earlier than the store says. */
  ageMilliseconds = 0;
  readonly counts = { lists: 0, heads: 0 };
  /** By key, of each object that was copied to another class. */
  readonly #classes = new Map<string, string>();
  readonly #states = new Map<string, Restore>();
  readonly #upstream: URL;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #server: Server;

  private constructor(upstream: string) {
    this.#upstream = new URL(upstream);
    this.#server = createServer((incoming, answer) => {
      this.#pass(incoming, answer).catch(() => answer.destroy());
    });
  }

  static async start(upstream: string): Promise<ColdProxy> {
    const proxy = new ColdProxy(upstream);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The keys of all objects that were moved to a class, with it. */
  get classes(): ReadonlyMap<string, string> {
    return this.#classes;
  }

  get ongoing(): readonly RestoreRequest[] {
    return [...this.#states.values()].filter(({ until }) => until === null);
  }

  /** Ends the restores that are ongoing. */
  finishRestores(): void {
    for (const [key, state] of this.#states) {
      if (state.until === null) {
        this.#states.set(key, { ...state, until: expiryAfter(state.days) });
      }
    }
  }

  /** Lets all restored copies expire after this time from now on; without one, they have expired. */
  lapse(milliseconds: number | null = null): void {
    for (const [key, state] of this.#states) {
      if (state.until !== null && milliseconds === null) {
        this.#states.delete(key);
      } else if (state.until !== null && milliseconds !== null) {
        this.#states.set(key, { ...state, until: Date.now() + milliseconds });
      }
    }
  }

  resetCounts(): void {
    Object.assign(this.counts, { lists: 0, heads: 0 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #pass(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { method, key, query } = requestOf(incoming);
    const body = await bytesOf(incoming);
    const source = incoming.headers["x-amz-copy-source"];
    this.counts.lists += method === "GET" && query.has("list-type") ? 1 : 0;
    this.counts.heads += method === "HEAD" ? 1 : 0;
    const readKey = source === undefined ? key : keyOfSource(String(source));
    if (source !== undefined) {
      await this.beforeCopy(key);
    }
    if (method === "POST" && query.has("restore")) {
      this.#restore(key, body.toString(), answer);
    } else if ((method === "GET" || source !== undefined) && this.#isUnreadable(readKey)) {
      refuse(answer, { status: 403, code: "InvalidObjectState" });
    } else {
      const { status, headers, body: received } = await this.#forward(incoming, body);
      this.#learn(incoming, key, status);
      answer.writeHead(status, { ...headers, ...this.#headersOf(key) }).end(aged(received, this.ageMilliseconds));
    }
  }

  #restore(key: string, body: string, answer: ServerResponse): void {
    const asked = {
      key,
      tier: /<Tier>(\w+)</.exec(body)?.[1] ?? "Standard",
      days: Number(/<Days>(\d+)</.exec(body)?.[1]),
    };
    const failure = this.refuse(asked) ?? this.#wrongWith(asked);
    if (failure !== undefined) {
      refuse(answer, failure);
      return;
    }
    const isRestored = this.#states.has(key);
    this.restores.push(asked);
    this.#states.set(key, { ...asked, until: isRestored ? expiryAfter(asked.days) : null });
    answer.writeHead(isRestored ? 200 : 202).end();
  }

  #wrongWith({ key, tier, days }: RestoreRequest): Failure | undefined {
    const storageClass = this.#classes.get(key) ?? "STANDARD";
    if (!coldClasses.has(storageClass)) {
      return { status: 403, code: "InvalidObjectState" };
    }
    if (!(days >= 1) || (tier === "Expedited" && storageClass === "DEEP_ARCHIVE")) {
      return { status: 400, code: "InvalidArgument" };
    }
    return this.#states.get(key)?.until === null ? { status: 409, code: "RestoreAlreadyInProgress" } : undefined;
  }

  #isUnreadable(key: string): boolean {
    return coldClasses.has(this.#classes.get(key) ?? "") && (this.#states.get(key)?.until ?? null) === null;
  }

  #headersOf(key: string): Record<string, string> {
    const state = this.#states.get(key);
    if (state === undefined) {
      return {};
    }
    const expiry = state.until === null ? "" : `, expiry-date="${new Date(state.until).toUTCString()}"`;
    return { "x-amz-restore": `ongoing-request="${state.until === null}"${expiry}` };
  }

  #learn({ method = "", headers }: IncomingMessage, key: string, status: number): void {
    if (status < 300 && ["PUT", "DELETE"].includes(method)) {
      const storageClass = headers["x-amz-storage-class"];
      this.#states.delete(key);
      this.#classes.delete(key);
      if (method === "PUT" && storageClass !== undefined) {
        this.#classes.set(key, String(storageClass));
      }
    }
  }

  async #forward({ method, url, headers }: IncomingMessage, body: Buffer) {
    const { hostname: host, port } = this.#upstream;
    const { expect: _, ...passed } = headers;
    const outgoing = request({ agent: this.#agent, host, port, method, path: url, headers: passed });
    outgoing.on("error", () => undefined);
    outgoing.end(body);
    const [came] = (await once(outgoing, "response")) as [IncomingMessage];
    return { status: came.statusCode ?? 0, headers: came.headers, body: await bytesOf(came) };
  }
}

const refuse = (answer: ServerResponse, { status, code }: Failure): void => {
  answer.writeHead(status, { "content-type": "application/xml" }).end(errorXml(code));
};

const keyOfSource = (source: string): string => decodeURIComponent(source).split("/").slice(1).join("/");

const expiryAfter = (days: number): number =>
  Math.ceil((Date.now() + days * dayMilliseconds) / dayMilliseconds) * dayMilliseconds;
