import type { AccountId } from "@moraine/protocol";

/** Who signed a request. Until there are users, it is always an account's root. */
export interface Caller {
  readonly accountId: AccountId;
  readonly accessKeyId: string;
}
