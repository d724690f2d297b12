import type { AccountId } from "../ids.ts";

/** One row of the wire: all that router, decoder, encoder and client need to know of an operation. */
export interface Operation {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** Segments in braces are fields of the input: `/{accountId}/vaults/{vaultName}/archives`. */
  readonly path: string;
  /** The status of a successful response. GetJobOutput's is 206 instead if a range was requested. */
  readonly status: number;
  /** Fixed query parameter that tells two operations on one path apart: operation=add|remove. */
  readonly selector?: Readonly<Record<string, string>>;
  /** Fields of the input that travel in headers: field → wire name. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Fields of the input that travel in the query: field → wire name. */
  readonly query?: Readonly<Record<string, string>>;
  /** Where the body of the request goes: nowhere, JSON, or raw bytes. */
  readonly request: "none" | "json" | "bytes";
  /** The field of the input that is the whole JSON body. Without it, the fields of the body are the input's own. */
  readonly requestPayload?: string;
  /** Fields of the output that travel in headers: field → wire name. */
  readonly responseHeaders?: Readonly<Record<string, string>>;
  readonly response: "none" | "json" | "bytes";
  /** The field of the output that is the whole JSON body, likewise. */
  readonly responsePayload?: string;
  /** The account that the path may name: only the caller's own, or any vault owner's who has admitted the caller. */
  readonly account: "own" | "owner";
  /** The vault of the path: it must exist (404 otherwise), is only named, or there is none in the path. */
  readonly vault: "exists" | "named" | "none";
  /** The resource that policies name the operation by: the vault's ARN, existing or not, that of the retrieval policy, or only `*`. */
  readonly resource: "vault" | "retrieval-policy" | "any";
  /** The policies that decide: all that apply, or identity policies alone (docs/wire.md#actions-and-resources). */
  readonly policies: "all" | "identity";
  /** Each execution is charged, so a request whose outcome is unknown is not sent again. */
  readonly isCharged?: true;
}

/** The input of every operation on an account. */
export interface AccountInput {
  /** The real twelve digits, also where the client wrote `-`. */
  readonly accountId: AccountId;
}

/** The input of every operation on a vault. */
export interface VaultInput extends AccountInput {
  /**
   * 1 to 255 letters, digits, `_`, `-` and `.`. It is passed on as sent, so it may be no legal name: such a vault is not found, which
   * is no syntax error.
   */
  readonly vaultName: string;
}

/** The page that a list operation is asked for. */
export interface PageInput {
  /** Items at most; above the service's own maximum it is lowered, silently. */
  readonly limit?: number | undefined;
  /** The marker of the previous page; the empty string means the start. */
  readonly marker?: string | undefined;
}

/** How {@link PageInput} travels. */
export const pageQuery = { limit: "limit", marker: "marker" } as const;

/** The output of operations that respond with their status alone. */
export type EmptyOutput = Readonly<Record<string, never>>;
