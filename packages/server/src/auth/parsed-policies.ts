import type { AccountId } from "@moraine/protocol";
import type { Policy } from "../domain/policy/model.ts";
import { PolicyError, parseIdentityPolicy, parseVaultPolicy } from "../domain/policy/parse.ts";
import { type PolicyMeter, readingMilliseconds } from "../domain/policy/policy-meter.ts";

/** Bounds the texts of all accounts together: their parsed form takes several times as much memory. */
const textLengthMax = 2 * 1024 ** 2;

type Parsed = Policy | PolicyError;

/** Remembered policies of one account, the one that was not asked for the longest first. */
interface AccountCache {
  readonly policies: Map<string, Promise<Parsed> | Parsed>;
  textLength: number;
}

/**
 * Reads policies, and remembers what it read: the same few documents are judged by request after request. A policy is known
 * by its text, so a changed one is another. Each account is metered, and when memory is short the account that has the
 * most forgets first, so that no account slows down the requests of another.
 */
export class ParsedPolicies {
  readonly #meter: PolicyMeter;
  readonly #caches = new Map<AccountId, AccountCache>();
  #textLength = 0;

  constructor(meter: PolicyMeter) {
    this.#meter = meter;
  }

  /** The caller takes a policy that cannot be understood as a Deny. */
  identity(accountId: AccountId, text: string): Promise<Parsed> | Parsed {
    return this.#read(accountId, text, text.length, () => parseIdentityPolicy(text));
  }

  /** @param accountId the owner of the vault. */
  ofVault(accountId: AccountId, text: string, vaultArn: string): Promise<Parsed> | Parsed {
    return this.#read(accountId, `${vaultArn}\n${text}`, text.length, () => parseVaultPolicy(text, vaultArn));
  }

  #read(accountId: AccountId, key: string, size: number, parse: () => Policy): Promise<Parsed> | Parsed {
    const cached = this.#caches.get(accountId);
    const known = cached?.policies.get(key);
    if (cached !== undefined && known !== undefined) {
      cached.policies.delete(key);
      cached.policies.set(key, known);
      return known;
    }
    const reading = this.#admitted(accountId, size).then(() => parsedOrError(parse));
    this.#keep(accountId, key, reading);
    reading.then(
      (parsed) => this.#replace(accountId, key, reading, parsed),
      () => this.#replace(accountId, key, reading, null),
    );
    return reading;
  }

  async #admitted(accountId: AccountId, size: number): Promise<void> {
    const admission = this.#meter.admit(accountId);
    // At once, so that the next policy of the same request is met by it.
    this.#meter.charge(accountId, readingMilliseconds(size));
    await admission;
  }

  #keep(accountId: AccountId, key: string, reading: Promise<Parsed>): void {
    const cached = this.#caches.get(accountId) ?? { policies: new Map(), textLength: 0 };
    this.#caches.set(accountId, cached);
    cached.policies.set(key, reading);
    cached.textLength += key.length;
    this.#textLength += key.length;
    while (this.#textLength > textLengthMax) {
      this.#forgetOne();
    }
  }

  /** Null forgets what was refused to be read. */
  #replace(accountId: AccountId, key: string, reading: Promise<Parsed>, parsed: Parsed | null): void {
    const cached = this.#caches.get(accountId);
    if (cached?.policies.get(key) !== reading) {
      return;
    }
    if (parsed === null) {
      this.#drop(accountId, cached, key);
    } else {
      cached.policies.set(key, parsed);
    }
  }

  #forgetOne(): void {
    const [largest] = [...this.#caches].sort(([, a], [, b]) => b.textLength - a.textLength);
    const [accountId, cached] = largest ?? [];
    const [oldest] = cached?.policies.keys() ?? [];
    if (accountId !== undefined && cached !== undefined && oldest !== undefined) {
      this.#drop(accountId, cached, oldest);
    }
  }

  #drop(accountId: AccountId, cached: AccountCache, key: string): void {
    cached.policies.delete(key);
    cached.textLength -= key.length;
    this.#textLength -= key.length;
    if (cached.policies.size === 0) {
      this.#caches.delete(accountId);
    }
  }
}

function parsedOrError(parse: () => Policy): Parsed {
  try {
    return parse();
  } catch (error) {
    if (error instanceof PolicyError) {
      return error;
    }
    throw error;
  }
}
