import type { AccountId } from "@moraine/protocol";
import type { AccountTurn } from "../../../../domain/jobs/account-turn.ts";

/** Rows that wait for their accounts' turns. */
export interface WaitingRows<Row> {
  /** The first account after `account`, in order of the ids, of which rows wait. */
  nextAccount(account: string): Promise<string | null>;
  /** Claims the earliest row of the account that is due. */
  claim(account: AccountId): Promise<Row | undefined>;
}

/** Visits the accounts that wait in order of their ids, again and again, and claims one row at each visit. */
export async function claimInTurn<Row>(turn: AccountTurn, rows: WaitingRows<Row>): Promise<Array<[AccountId, Row]>> {
  const claims: Array<[AccountId, Row]> = [];
  const held = new Map<string, number>(Object.entries(turn.held));
  /** Accounts visited in vain since the last claim. */
  const passed = new Set<string>();
  for (let account: string = turn.after ?? ""; claims.length < turn.limit; ) {
    const next = (await rows.nextAccount(account)) ?? (await rows.nextAccount(""));
    if (next === null || passed.has(next)) {
      break;
    }
    account = next;
    const count = held.get(account) ?? 0;
    const row = count < turn.perAccountMax ? await rows.claim(account as AccountId) : undefined;
    if (row === undefined) {
      passed.add(account);
    } else {
      passed.clear();
      held.set(account, count + 1);
      claims.push([account as AccountId, row]);
    }
  }
  return claims;
}
