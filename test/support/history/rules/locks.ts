import type { Rule } from "../model.ts";
import { type Fault, fault, type Possibility, refusal, success } from "../possibilities.ts";
import type { Lock, State } from "../state.ts";
import { isInForce, rulesOf } from "./denials.ts";
import { denied, inVault, invalid, notFound, unprovoked } from "./in-vault.ts";

// `none → in_progress → locked`; back to none by an abort, or by a day in progress. Nothing leaves `locked`.

const initiateLock: Rule<"InitiateVaultLock"> = (state, action, now) =>
  inVault(state, action, () => {
    const { vault, lock: name, denies, whileTag } = action;
    const initiated: Lock = { name, state: "in_progress", since: now, denies, ...(whileTag && { whileTag }) };
    return byForce(state, vault, now, {
      inForce: (lock) => [refusal(denied, state, broken(lock))],
      none: () => [success(() => withLock(state, vault, initiated), unprovoked("the vault has no lock"))],
    });
  });

const completeLock: Rule<"CompleteVaultLock"> = (state, action, now) =>
  inVault(state, action, () =>
    byForce(state, action.vault, now, {
      inForce(lock) {
        if (lock.name !== action.lock) {
          return [refusal(lock.state === "locked" ? denied : invalid, state, broken(lock))];
        }
        const locked: Lock = { ...lock, state: "locked" };
        return [
          success(() => withLock(state, action.vault, locked), fault("broken lock", `${said(lock)} has this id`)),
        ];
      },
      none: (without) => [refusal(notFound, without, fault("broken lock", "the vault has no lock at that time"))],
    }),
  );

const abortLock: Rule<"AbortVaultLock"> = (state, action) =>
  inVault(state, action, () => {
    const { lock } = rulesOf(state, action.vault);
    return lock?.state === "locked"
      ? [refusal(denied, state, broken(lock))]
      : [success(() => withLock(state, action.vault, null), unprovoked("the vault is not locked"))];
  });

const getLock: Rule<"GetVaultLock"> = (state, action, now) =>
  inVault(state, action, () =>
    byForce(state, action.vault, now, {
      inForce(lock) {
        const wrong = fault("broken lock", `${said(lock)} is in force`);
        const shown = lock.state === "locked" ? "Locked" : "InProgress";
        return [
          success(
            (answer) => (answer === null || (answer.lock === lock.name && answer.state === shown) ? state : wrong),
            wrong,
          ),
        ];
      },
      none: (without) => [refusal(notFound, without, fault("broken lock", "the vault has no lock at that time"))],
    }),
  );

interface Cases {
  inForce(lock: Lock): readonly Possibility[];
  /** @param without the state in which a lock that expired is gone. */
  none(without: State): readonly Possibility[];
}

function byForce(
  state: State,
  vault: string,
  now: { readonly low: number; readonly high: number },
  { inForce, none }: Cases,
): readonly Possibility[] {
  const { lock } = rulesOf(state, vault);
  const force = isInForce(lock, now);
  const without = lock === null ? state : withLock(state, vault, null);
  return [...(lock === null || force === "no" ? [] : inForce(lock)), ...(force === "yes" ? [] : none(without))];
}

const withLock = (state: State, vault: string, lock: Lock | null): State =>
  state.with("rules", { vault }, { ...rulesOf(state, vault), lock });

const said = ({ name, state }: Lock): string => `lock ${name}, ${state === "locked" ? "locked" : "in progress"},`;

const broken = (lock: Lock): Fault => fault("broken lock", `${said(lock)} is in force`);

export const lockRules = {
  InitiateVaultLock: initiateLock,
  CompleteVaultLock: completeLock,
  AbortVaultLock: abortLock,
  GetVaultLock: getLock,
};
