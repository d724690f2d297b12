import type { Policy } from "../domain/policy/model.ts";
import { PolicyError, parseIdentityPolicy, parseVaultPolicy } from "../domain/policy/parse.ts";

const parsedMax = 500;

/**
 * Reads policies, and remembers what it read: the same few documents are judged by request after request. A policy is known
 * by its text, so a changed one is another.
 */
export class ParsedPolicies {
  readonly #parsed = new Map<string, Policy | PolicyError>();

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
      const [oldest] = this.#parsed.keys();
      if (this.#parsed.size >= parsedMax && oldest !== undefined) {
        this.#parsed.delete(oldest);
      }
      this.#parsed.set(key, parsed);
    }
    if (parsed instanceof PolicyError) {
      throw parsed;
    }
    return parsed;
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
