import { uriEncode } from "@moraine/protocol";
import {
  ExpiredTokenException,
  GlacierServiceError,
  InsufficientCapacityException,
  InvalidSignatureException,
} from "../errors.ts";
import type { CallOptions } from "../operation-types.ts";
import type { Platform } from "../platform.ts";
import { CredentialCache, type CredentialProvider, type Credentials } from "./credentials.ts";
import { type Attempt, connectionError, refusalOf } from "./error-response.ts";
import { assertSendable, type HttpResponse, isSuccess } from "./http.ts";
import { Pace } from "./pace.ts";
import { isThrottling, isTransient, orAborted, pauseMilliseconds, sleep } from "./retry.ts";
import { RetryBudget } from "./retry-budget.ts";
import { ServiceClock } from "./service-clock.ts";
import { createSigner, type Signer, type UnsignedRequest } from "./signing.ts";
import { TurnQueue } from "./turn-queue.ts";
import type { RequestBody } from "./upload-body.ts";

export interface WireRequest extends UnsignedRequest {
  readonly operation: string;
  readonly body: RequestBody | null;
}

export interface SenderOptions {
  readonly endpoint: URL;
  readonly region: string;
  readonly service: "glacier" | "moraine";
  readonly credentials: Credentials | CredentialProvider;
  readonly attemptsMax: number | undefined;
  readonly retryForMilliseconds: number | undefined;
  readonly timeoutMilliseconds: number;
  readonly platform: Platform;
}

/** Reads a response of success. It throws GlacierConnectionError when the connection breaks meanwhile. */
export type Reader<Value> = (
  response: HttpResponse,
  attempt: Attempt,
  signal: AbortSignal | undefined,
) => Promise<Value>;

/** The state of a call, across its attempts. */
interface Call {
  readonly request: WireRequest;
  readonly options: CallOptions;
  readonly signal: AbortSignal | undefined;
  /** The same id for all attempts, so that a server recognises a repetition. */
  readonly invocationId: string;
  readonly pace: Pace;
  readonly budget: RetryBudget;
  attempts: number;
  /** The time of the last refusal, by the service's clock. */
  respondedAt: Date | undefined;
  isClockFollowed: boolean;
  areCredentialsReplaced: boolean;
}

/** Limits of a call to which no `retryForMilliseconds` applies: this many attempts, or this long after the first failure, whichever comes first. */
const attemptsMaxDefault = 8;
const retryMillisecondsDefault = 120_000;

const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** Sends requests to one service, retries them, and keeps to the rate that the service accepts. */
export class Sender {
  readonly #endpoint: URL;
  readonly #attemptsMax: number | undefined;
  readonly #retryForMilliseconds: number | undefined;
  readonly #timeoutMilliseconds: number;
  readonly #clock = new ServiceClock();
  readonly #credentials: CredentialCache;
  readonly #sign: Signer;
  readonly #platform: Platform;
  readonly #turns = new Map<string, TurnQueue>();
  #hasResponded = false;

  constructor(options: SenderOptions) {
    const { endpoint, region, service, credentials, attemptsMax, retryForMilliseconds, platform } = options;
    this.#endpoint = endpoint;
    this.#attemptsMax = attemptsMax;
    this.#retryForMilliseconds = retryForMilliseconds;
    this.#timeoutMilliseconds = options.timeoutMilliseconds;
    this.#credentials = new CredentialCache(credentials, this.#clock);
    this.#sign = createSigner({ endpoint, region, service, Sha256: platform.Sha256 });
    this.#platform = platform;
  }

  /** Sends a request until it succeeds or retrying is over. Rejects with the last attempt's error, or with the signal's reason. */
  async send<Value>(request: WireRequest, read: Reader<Value>, options: CallOptions): Promise<Value> {
    const { signal, invocationId = crypto.randomUUID() } = options;
    const turns = this.#turnsOf(request.operation);
    const call: Call = {
      request,
      options,
      signal,
      invocationId,
      pace: turns.pace,
      budget: new RetryBudget(),
      attempts: 0,
      respondedAt: undefined,
      isClockFollowed: false,
      areCredentialsReplaced: false,
    };
    for (;;) {
      await turns.next(signal);
      call.attempts += 1;
      const credentials = await this.#credentialsFor(call);
      const sentAt = performance.now();
      try {
        const value = await this.#attempt(call, credentials, read);
        call.pace.served(performance.now());
        return value;
      } catch (error) {
        if (isThrottling(error)) {
          call.pace.throttled(sentAt, performance.now());
        }
        await this.#prepareNext(call, credentials, error);
      }
    }
  }

  /** Resolves when another attempt is due. Throws the error if there is to be none. */
  async #prepareNext(call: Call, credentials: Credentials, error: unknown): Promise<void> {
    call.signal?.throwIfAborted();
    if (call.attempts >= this.#limitsOf(call, error).attemptsMax) {
      throw error;
    }
    if (isTransient(error, call.request.operation, call.options.isRepeatable)) {
      const wanted = pauseMilliseconds(call.attempts, isThrottling(error), Math.random());
      await this.#pause(call, error as Error, wanted);
    } else if (isOfTime(error) && call.respondedAt !== undefined && !call.isClockFollowed) {
      call.isClockFollowed = true;
      if (!this.#clock.follow(call.respondedAt)) {
        throw wrongClock(error, call.respondedAt, this.#clock.now());
      }
    } else if (error instanceof ExpiredTokenException && !call.areCredentialsReplaced) {
      call.areCredentialsReplaced = true;
      const fresh = await orAborted(this.#credentials.replace(credentials), call.signal);
      if (fresh === undefined) throw error;
    } else {
      throw error;
    }
  }

  /** Finds credentials. A network outage also keeps their provider from renewing them, so a transfer retries that, once some were found. */
  async #credentialsFor(call: Call): Promise<Credentials> {
    for (let failures = 1; ; failures += 1) {
      try {
        return await orAborted(this.#credentials.get(), call.signal);
      } catch (error) {
        call.signal?.throwIfAborted();
        const { attemptsMax } = this.#limitsOf(call, error);
        if (Number.isFinite(attemptsMax) || !this.#credentials.wereFound) {
          throw error;
        }
        await this.#pause(call, error as Error, pauseMilliseconds(failures, true, Math.random()));
      }
    }
  }

  /** Waits before the next attempt. Throws the error when no time is left for one. */
  async #pause(call: Call, error: Error, wantedMilliseconds: number): Promise<void> {
    const { request, attempts, budget, options, signal } = call;
    const askedMilliseconds = error instanceof GlacierServiceError ? (error.retryAfterMilliseconds ?? 0) : 0;
    const { milliseconds } = this.#limitsOf(call, error);
    const pause = budget.pauseBeforeNext({ wantedMilliseconds, askedMilliseconds }, milliseconds);
    if (pause === null) {
      throw error;
    }
    options.onRetry?.({ operation: request.operation, attempts, error, pauseMilliseconds: pause });
    await sleep(pause, signal);
  }

  #limitsOf({ options }: Pick<Call, "options">, error: unknown): { attemptsMax: number; milliseconds: number } {
    // Capacity may be missing for days, and callers can choose another tier.
    const isOutage = this.#hasResponded && !(error instanceof InsufficientCapacityException);
    const budget = this.#retryForMilliseconds ?? (isOutage ? options.retryForMilliseconds : undefined);
    return {
      attemptsMax: this.#attemptsMax ?? (budget === undefined ? attemptsMaxDefault : Number.POSITIVE_INFINITY),
      milliseconds: budget ?? retryMillisecondsDefault,
    };
  }

  async #attempt<Value>(call: Call, credentials: Credentials, read: Reader<Value>): Promise<Value> {
    const { request, signal } = call;
    const attempt = { operation: request.operation, attempts: call.attempts };
    const headers = await this.#sign({ ...request, headers: this.#headersOf(call) }, credentials, this.#clock.now());
    const response = await this.#exchange(request, headers, attempt, signal);
    this.#hasResponded = true;
    if (!isSuccess(response)) {
      call.respondedAt = dateOf(response);
      throw await refusalOf(response, attempt);
    }
    return read(response, attempt, signal);
  }

  #headersOf(call: Call): Record<string, string> {
    const { request, invocationId, attempts } = call;
    const { attemptsMax } = this.#limitsOf(call, null);
    return {
      ...request.headers,
      "x-amz-content-sha256": request.body?.sha256 ?? emptyHash,
      "amz-sdk-invocation-id": invocationId,
      "amz-sdk-request": `attempt=${attempts}${Number.isFinite(attemptsMax) ? `; max=${attemptsMax}` : ""}`,
    };
  }

  async #exchange(
    request: WireRequest,
    signed: Record<string, string>,
    attempt: Attempt,
    signal: AbortSignal | undefined,
  ): Promise<HttpResponse> {
    const { method, body } = request;
    let failure: { reason: unknown } | undefined;
    const content = body?.open((reason) => {
      failure = { reason };
    });
    const headers = {
      ...signed,
      "accept-encoding": "identity", // A length that counts compressed bytes could not be checked.
      ...(body !== null && { "content-length": String(body.sizeBytes) }),
    };
    assertSendable(headers); // Not retried: the next attempt would have the same headers.
    try {
      const url = urlOf(this.#endpoint, request);
      return await this.#platform.http(url, {
        method,
        headers,
        body: content ?? null,
        signal,
        timeoutMilliseconds: this.#timeoutMilliseconds,
      });
    } catch (error) {
      signal?.throwIfAborted();
      if (failure !== undefined) throw failure.reason;
      throw connectionError(attempt, `no response from ${this.#endpoint.origin}`, error);
    }
  }

  #turnsOf(operation: string): TurnQueue {
    const turns = this.#turns.get(operation) ?? new TurnQueue(new Pace());
    this.#turns.set(operation, turns);
    return turns;
  }
}

function wrongClock(error: InvalidSignatureException, theirs: Date, ours: Date): InvalidSignatureException {
  const clocks = `The service's clock says ${theirs.toISOString()}, this machine's ${ours.toISOString()}`;
  return new InvalidSignatureException({ ...error, message: `${clocks}: set the one that is wrong. ${error.message}` });
}

/** Whether the service found the signature too old, or from the future. */
function isOfTime(error: unknown): error is InvalidSignatureException {
  return error instanceof InvalidSignatureException && /^Signature (expired|not yet current)/.test(error.message);
}

function dateOf(response: HttpResponse): Date | undefined {
  const milliseconds = Date.parse(response.header("date") ?? "");
  return Number.isNaN(milliseconds) ? undefined : new Date(milliseconds);
}

function urlOf(endpoint: URL, { path, query }: UnsignedRequest): URL {
  const search = Object.entries(query).map((pair) => pair.map(uriEncode).join("="));
  return new URL(search.length === 0 ? path : `${path}?${search.join("&")}`, endpoint);
}
