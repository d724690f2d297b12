import { errors } from "@moraine/protocol";
import { VaultChangedError } from "../domain/vaults/permission.ts";
import type { Vault } from "../domain/vaults/vault.ts";

/** More than a call needs while others change the vault all the time. */
const roundsMax = 16;
/** After these, new calls wait: they would be in the way of one that waits its turn, for as long as there are any. */
const patienceRounds = 4;

/** The last of those that wait their turn at a vault, by its ARN. */
const turns = new Map<string, Promise<unknown>>();
/** Vaults with a call that new ones let pass, and its end. */
const yielding = new Map<string, Promise<void>>();

export interface PermittedChange<Result> {
  readonly vaultArn: string;
  /** The row that allowed it; null when there was no vault. */
  readonly vault: Vault | null;
  /** False once the caller's key or policies may have changed. */
  isCurrent(): boolean;
  /** Judges the request again. Resolves to the row that allows it now. */
  authorizeAgain(): Promise<Vault | null>;
  /** Rejects with VaultChangedError when the row has changed. */
  change(vault: Vault | null): Promise<Result>;
}

/**
 * Makes a change only by the row of the vault that allowed it, and for a caller who may still make it. While either has changed,
 * the request is authorized again. Those that try again take turns, or one client that changes a vault's tags all the time could keep
 * the others from it.
 */
export async function makePermitted<Result>(wanted: PermittedChange<Result>): Promise<Result> {
  await yielding.get(wanted.vaultArn);
  const made = await attempt(wanted, wanted.vault);
  return made === changed ? inTurn(wanted.vaultArn, () => tryAgain(wanted)) : made.result;
}

async function tryAgain<Result>(wanted: PermittedChange<Result>): Promise<Result> {
  const { promise, resolve } = Promise.withResolvers<void>();
  try {
    for (let round = 1; round < roundsMax; round += 1) {
      if (round === patienceRounds) {
        yielding.set(wanted.vaultArn, promise);
      }
      const made = await attempt(wanted, await wanted.authorizeAgain());
      if (made !== changed) {
        return made.result;
      }
    }
  } finally {
    yielding.delete(wanted.vaultArn);
    resolve();
  }
  throw errors.unavailable("The vault's tags or policies are being changed by others, try again");
}

const changed = Symbol("what allowed the change is not current");

async function attempt<Result>(
  { isCurrent, change }: PermittedChange<Result>,
  vault: Vault | null,
): Promise<{ readonly result: Result } | typeof changed> {
  if (!isCurrent()) {
    return changed;
  }
  try {
    return { result: await change(vault) };
  } catch (error) {
    if (error instanceof VaultChangedError) {
      return changed;
    }
    throw error;
  }
}

async function inTurn<Result>(vaultArn: string, task: () => Promise<Result>): Promise<Result> {
  const before = turns.get(vaultArn) ?? Promise.resolve();
  const turn = before.then(task);
  const ended = turn.catch(() => undefined);
  turns.set(vaultArn, ended);
  try {
    return await turn;
  } finally {
    if (turns.get(vaultArn) === ended) {
      turns.delete(vaultArn);
    }
  }
}
