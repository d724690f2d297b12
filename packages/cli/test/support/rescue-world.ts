import { once } from "node:events";
import { Readable } from "node:stream";
import { mock } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  type GlacierClient,
  GlacierConnectionError,
  InvalidParameterValueException,
  ResourceNotFoundException,
} from "@moraine/client";
import type { RegionPrices } from "../../src/pricing/price-table.ts";
import { Money } from "../../src/rescue/costs/money.ts";
import { type RescueEnd, runRescue } from "../../src/rescue/rescue.ts";
import type { RescueEvent } from "../../src/rescue/rescue-event.ts";
import type { RescueParts, RescueState } from "../../src/rescue/rescue-state.ts";
import type { ScheduleLimits } from "../../src/rescue/schedule/schedule.ts";
import { ArchiveSelection } from "../../src/rescue/selection.ts";
import type { ArchiveFacts, ArchiveOutput, StoreOptions, Target, TargetDocuments } from "../../src/targets/target.ts";
import { archiveOfNumber, idOfNumber, temporaryCatalog } from "./catalogs.ts";

const hour = 3_600_000;
const jobHours = 5;
const outputHours = 24;
const stepMilliseconds = 60_000;
/** Turns of the event loop in which all that can happen at a time does. */
const turnsOfStep = 4;

interface Job {
  readonly id: string;
  readonly archiveId: string;
  startedAt: number;
}

/** A service outside and a target, whose troubles tests set, around a rescue in time that the test moves: days pass in seconds. */
export class RescueWorld implements Disposable {
  now = Date.UTC(2026, 0, 1);
  readonly jobs: Job[] = [];
  readonly events: RescueEvent[] = [];
  /** How long a new job is missing in lists. */
  listLagMilliseconds = 0;
  /** Called for each request for a job, before it exists; it may throw. */
  onInitiate = (_archiveId: string): void => undefined;
  /** The same, after it exists. */
  onInitiated = (_job: Job): void => undefined;
  /** Called for each piece of an output; it may throw. */
  onOutput = (_archiveId: string): void => undefined;
  onList = (): void => undefined;
  /** Called with the bytes that are to be stored. */
  onProbe = (_sizeBytes: number): void => undefined;
  onDescribe = (): void => undefined;
  onFind = (_archive: ArchiveFacts): void => undefined;
  /** Called before an output is opened, which waits for it. */
  onStart: (archive: ArchiveFacts, options: StoreOptions) => void | Promise<void> = () => undefined;
  onStore = (_archive: ArchiveFacts): void => undefined;
  onAppend = (): void => undefined;
  /** Requests for jobs start them, and get no response. */
  hasNoResponses = false;
  /** Archives of which the target has all bytes, but not under their names. */
  readonly received = new Set<string>();
  /** Archives of which the target was to remove what it had kept. */
  readonly abandoned: string[] = [];
  /** The target has each archive, though `find` does not see it. */
  hasCopies = false;
  /** The speed of the line as the user expects it, before it is measured. */
  bandwidthBytesPerSecond: number | null = null;
  lists = 0;
  state: RescueState | null = null;
  /** Requests for outputs of jobs that were in progress. */
  prematureFetches = 0;
  readonly #documents = new MemoryDocuments(() => this.onAppend());
  readonly #opened = temporaryCatalog();
  readonly #startedAt = this.now;
  limits: ScheduleLimits;

  readonly #prices: RegionPrices | null;

  constructor(archives: number, limits: Partial<ScheduleLimits> = {}, prices: RegionPrices | null = null) {
    this.#prices = prices;
    this.limits = { tier: "Bulk", fallbackTier: null, retrievalBytesPerHour: null, costMax: null, ...limits };
    this.add(1, archives);
  }

  /** Adds archives to the catalogue, by their numbers. Outputs have the first 1,000 bytes of a large one. */
  add(first: number, last: number, sizeBytes = 1000): void {
    for (let number = first; number <= last; number += 1) {
      this.catalog.archives.addUploaded(archiveOfNumber(number, { sizeBytes }));
    }
  }

  /** Resolves after minutes of its time. */
  async pause(minutes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    setTimeout(resolve, minutes * 60_000);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    await promise;
  }

  get catalog() {
    return this.#opened.catalog;
  }

  get catalogPath(): string {
    return this.#opened.path;
  }

  get hours(): number {
    return (this.now - this.#startedAt) / hour;
  }

  /** Starts a job that the catalogue does not know, as another program does. */
  startElsewhere(number: number): void {
    this.jobs.push({ id: `other ${number}`, archiveId: idOfNumber(number), startedAt: this.now });
  }

  /** In US dollars. */
  get spent(): number {
    return new Money(this.#prices, this.catalog.costs).spentUsd();
  }

  /** How many jobs were started for an archive. */
  jobsOf(archiveId: string): number {
    return this.jobs.filter((job) => job.archiveId === archiveId).length;
  }

  /** Runs a rescue until it ends, or for some hours: then its process is killed, and this resolves to null. */
  async run(hoursMax: number): Promise<RescueEnd | null> {
    mock.timers.enable({ apis: ["setTimeout"] });
    const stop = new AbortController();
    try {
      const options = {
        once: false,
        concurrency: 4,
        bandwidth: undefined,
        bandwidthBytesPerSecond: this.bandwidthBytesPerSecond,
        onState: (state: RescueState) => this.#begin(state),
      };
      let end: RescueEnd | Error | null = null;
      const note = (how: RescueEnd | Error) => {
        end = how;
      };
      const ended = runRescue(this.#parts(), options, stop.signal).then(note, note);
      for (const until = this.hours + hoursMax; end === null && this.hours < until; ) {
        await this.#step();
      }
      const how = end as RescueEnd | Error | null;
      stop.abort(new Error("killed"));
      mock.timers.tick(stepMilliseconds);
      await ended;
      if (how instanceof Error) {
        throw how;
      }
      return how;
    } finally {
      mock.timers.reset();
    }
  }

  [Symbol.dispose](): void {
    this.#opened[Symbol.dispose]();
  }

  #begin(state: RescueState): void {
    this.state = state;
  }

  async #step(): Promise<void> {
    for (let turn = 0; turn < turnsOfStep; turn += 1) {
      await nextTurn();
    }
    this.now += stepMilliseconds;
    mock.timers.tick(stepMilliseconds);
  }

  #parts(): RescueParts {
    const target = this.#target();
    return {
      ...{ client: this.#client(), vaultName: "photos", catalog: this.catalog, target, limits: this.limits },
      copies: this.catalog.copies.of(target.url),
      selection: new ArchiveSelection(this.catalog, { filter: {}, matches: null, archiveIds: null }),
      bytesPerSecondMax: () => null,
      money: new Money(this.#prices, this.catalog.costs),
      listLagMilliseconds: 120_000,
      now: () => this.now,
      onEvent: (event) => this.events.push(event),
    };
  }

  #client(): GlacierClient {
    const alive = (job: Job) => this.now < job.startedAt + (jobHours + outputHours) * hour;
    const found = (jobId: string): Job => {
      const job = this.jobs.find(({ id }) => id === jobId);
      if (job === undefined || !alive(job)) {
        throw refusal(ResourceNotFoundException, "ResourceNotFoundException", `The job ID was not found: ${jobId}`);
      }
      return job;
    };
    const client = {
      initiateJob: async (
        { jobParameters: { ArchiveId: archiveId } }: { jobParameters: { ArchiveId: string } },
        { signal }: { signal: AbortSignal },
      ) => {
        this.onInitiate(archiveId);
        const job = { id: `job ${this.jobs.length}`, archiveId, startedAt: this.now };
        this.jobs.push(job);
        this.onInitiated(job);
        if (this.hasNoResponses) {
          await once(signal, "abort");
          signal.throwIfAborted();
        }
        return { jobId: job.id };
      },
      listJobs: async ({ statuscode }: { statuscode?: string }) => {
        this.lists += 1;
        this.onList();
        return {
          JobList: this.jobs
            .filter((job) => alive(job) && this.now >= job.startedAt + this.listLagMilliseconds)
            .map((job) => this.#description(job))
            .filter(({ StatusCode }) => statuscode === undefined || StatusCode === statuscode),
          Marker: null,
        };
      },
      describeJob: async ({ jobId }: { jobId: string }) => {
        this.onDescribe();
        return this.#description(found(jobId));
      },
      getJobOutput: async ({ jobId }: { jobId: string }) => {
        const { archiveId, startedAt } = found(jobId);
        if (this.now < startedAt + jobHours * hour) {
          this.prematureFetches += 1;
          throw refusal(InvalidParameterValueException, "InvalidParameterValueException", "The job is not ready", 400);
        }
        let pieces = 0;
        const pull = (controller: ReadableStreamDefaultController) => {
          pieces += 1;
          if (pieces === 1) {
            controller.enqueue(new Uint8Array(1000));
            return;
          }
          this.onOutput(archiveId);
          controller.close();
        };
        return { status: 200, contentRange: null, sizeBytes: 1000, checksum: null, body: new ReadableStream({ pull }) };
      },
    };
    return client as unknown as GlacierClient;
  }

  #description({ id, archiveId, startedAt }: Job) {
    const completedAt = startedAt + jobHours * hour;
    const archive = this.catalog.archives.get(archiveId);
    const isDone = this.now >= completedAt;
    return {
      ...{ JobId: id, Action: "ArchiveRetrieval", ArchiveId: archiveId, ArchiveSizeInBytes: archive?.sizeBytes ?? 0 },
      ...{
        RetrievalByteRange: null,
        Tier: "Bulk",
        StatusCode: isDone ? "Succeeded" : "InProgress",
        StatusMessage: null,
      },
      CreationDate: new Date(startedAt).toISOString(),
      CompletionDate: isDone ? new Date(completedAt).toISOString() : null,
      ArchiveSHA256TreeHash: archive?.treeHash ?? null,
    };
  }

  #target(): Target {
    const target = {
      url: "memory",
      documents: this.#documents,
      freeBytes: async () => null,
      abandon: async ({ archiveId }: ArchiveFacts) => {
        this.abandoned.push(archiveId);
      },
      probe: async (sizeBytes: number) => this.onProbe(sizeBytes),
      bytesToStore: async ({ archiveId, sizeBytes }: ArchiveFacts) => (this.received.has(archiveId) ? 0 : sizeBytes),
      find: async (archive: ArchiveFacts) => {
        this.onFind(archive);
        return null;
      },
      store: async (archive: ArchiveFacts, output: ArchiveOutput, options: StoreOptions) => {
        const { signal, onBytes } = options;
        await this.onStart(archive, options);
        if (this.hasCopies) {
          return { location: archive.path, sha256: "cd".repeat(32) };
        }
        const opened = await output.open({ firstByte: 0, lastByte: 999 }, signal);
        for await (const piece of opened.bytes) {
          onBytes(piece.length);
        }
        this.onStore(archive);
        return { location: archive.path, sha256: "cd".repeat(32) };
      },
    };
    return target as unknown as Target;
  }
}

export function refusal<Kind>(
  kind: new (refusal: ConstructorParameters<typeof ResourceNotFoundException>[0]) => Kind,
  code: string,
  message: string,
  status = 404,
): Kind {
  return new kind({ code, message, type: "Client", status, requestId: null, operation: "InitiateJob", attempts: 1 });
}

export const lostResponse = (): Error =>
  new GlacierConnectionError("The connection was reset", { operation: "InitiateJob", attempts: 1 } as never);

class MemoryDocuments implements TargetDocuments {
  readonly #texts = new Map<string, string>();
  readonly #onAppend: () => void;

  constructor(onAppend: () => void) {
    this.#onAppend = onAppend;
  }

  async append(name: string, text: string): Promise<number> {
    this.#onAppend();
    const appended = (this.#texts.get(name) ?? "") + text;
    this.#texts.set(name, appended);
    return Buffer.byteLength(appended);
  }

  async write(): Promise<void> {}

  async read(name: string, firstByte = 0): Promise<AsyncIterable<Uint8Array> | null> {
    const text = this.#texts.get(name);
    return text === undefined ? null : Readable.from([Buffer.from(text).subarray(firstByte)]);
  }
}
