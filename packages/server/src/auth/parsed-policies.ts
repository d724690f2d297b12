import type { Policy } from "../domain/policy/model.ts";
import { PolicyError, parseIdentityPolicy, parseVaultPolicy } from "../domain/policy/parse.ts";

/** Of the texts together: what is read of them takes several times as much memory. */
const textLengthMax = 2 * 1024 ** 2;

/**
 * Reads policies, and remembers what it read: the same few documents are judged by request after request. A policy is known
 * by its text, so a changed one is another.
 */
export class ParsedPolicies {
  readonly #parsed = new Map<string, Policy | PolicyError>();
  #textLength = 0;

  /** Throws PolicyError, as below: what cannot be understood when it is met is for the caller to take as a Deny. */
  identity(text: string): Policy {
    return this.#read(`identity\n${text}`, () => parseIdentityPolicy(text));
  }

  ofVault(text: string, vaultArn: string): Policy {
    return this.#read(`${vaultArn}\n${text}`, () => parseVaultPolicy(text, vaultArn));
  }

  #read(key: string, parse: () => Policy): Policy {
    let parsed = this.#parsed.get(key);
    if (parsed === undefined) {
      parsed = parsedOrError(parse);
      this.#parsed.set(key, parsed);
      this.#textLength += key.length;
      this.#forgetOldest();
    }
    if (parsed instanceof PolicyError) {
      throw parsed;
    }
    return parsed;
  }

  #forgetOldest(): void {
    for (const key of this.#parsed.keys()) {
      if (this.#textLength <= textLengthMax) {
        return;
      }
      this.#parsed.delete(key);
      this.#textLength -= key.length;
    }
  }
}

function parsedOrError(parse: () => Policy): Policy | PolicyError {
  try {
    return parse();
  } catch (error) {
    if (error instanceof PolicyError) {
      return error;
    }
    throw error;
  }
}
