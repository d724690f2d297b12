import { errors } from "@moraine/protocol";
import type { VaultKey } from "../domain/vault.ts";
import type { Caller } from "./caller.ts";

/**
 * Whether the caller may touch what the path names. Every caller is the root of its own account so far, which may do all
 * there and nothing elsewhere; it is judged before anything is looked up, so that a refusal tells nothing of what exists.
 */
export function authorize(caller: Caller, { accountId }: VaultKey): void {
  if (accountId !== caller.accountId) {
    throw errors.accessDeniedAccount(accountId);
  }
}
