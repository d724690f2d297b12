import assert from "node:assert/strict";
import { type OperationName, operations } from "@moraine/protocol";

export const allOperations = Object.keys(operations) as OperationName[];
const aboutSettings =
  /\/(notification-configuration|access-policy|lock-policy|tags|data-retrieval|provisioned-capacity)\b/;

/** Operations on the settings of vaults and accounts, and the rest: vaults, archives, uploads in parts and jobs. */
export const settingOperations = allOperations.filter((name) => aboutSettings.test(operations[name].path));
export const contentOperations = allOperations.filter((name) => !settingOperations.includes(name));

/** The operations that a client has called, and that were answered with success. */
export class CalledOperations {
  readonly #names = new Set<string>();

  add(name: string): void {
    this.#names.add(name);
  }

  /** Names those that were left out. */
  assertAll(expected: readonly OperationName[]): void {
    assert.deepEqual(
      expected.filter((name) => !this.#names.has(name)),
      [],
    );
  }
}
