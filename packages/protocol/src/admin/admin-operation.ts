/** One row of the admin API. Its permission is `moraine:` and its name. */
export interface AdminOperation {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** Below `/admin/`. Segments in braces are fields of the input. */
  readonly path: string;
  /** The status of a successful response. */
  readonly status: number;
  /** `account`: in the caller's own account. `service`: for principals of the operator's account only. */
  readonly scope: "account" | "service";
  /** The resource that a policy may name: the ARN of the user (or root) that the call is about, or only `*`. */
  readonly resource: "principal" | "any";
  /** Fields of the input that travel in the query, under their own names. */
  readonly query?: readonly string[];
  readonly request: "none" | "json";
  readonly response: "none" | "json";
  /** It only reads, though its input travels in a body: the same request may come twice. */
  readonly changesNothing?: true;
  /**
   * Such a change outlives a session, so temporary credentials may not change it, whatever their user may do. AWS's sessions
   * cannot call IAM either: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html
   */
  readonly refusesSessions?: true;
}

/** The input of an operation on what belongs to a user. */
export interface UserInput {
  readonly userName: string;
}

/** The page that a list operation is asked for. */
export interface AdminPageInput {
  /** Items at most; above the service's own maximum it is lowered, silently. */
  readonly limit?: number | undefined;
  /** The marker of the previous page. */
  readonly marker?: string | undefined;
}

/** How {@link AdminPageInput} travels. */
export const pageQuery = ["limit", "marker"] as const;

/** Every list says where the next page begins; null when no more follow. */
export interface AdminPageOutput {
  readonly Marker: string | null;
}

export type NoInput = Readonly<Record<string, never>>;
export type NoOutput = Readonly<Record<string, never>>;
