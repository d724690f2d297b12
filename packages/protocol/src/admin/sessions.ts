import type { AdminOperation, UserInput } from "./admin-operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const sessionOperations = {
  CreateSession: { method: "POST", path: "/admin/users/{userName}/sessions", status: 201, scope: "account", resource: "principal", request: "json", response: "json", refusesSessions: true },
} as const satisfies Record<string, AdminOperation>;

export interface SessionShapes {
  CreateSession: { input: CreateSessionInput; output: CreateSessionOutput };
}

export interface CreateSessionInput extends UserInput {
  /** From 15 minutes to 36 hours. @default 12 hours */
  readonly DurationSeconds?: number | undefined;
}

/** Temporary credentials: they may do what their user may, until they expire or the user is removed. */
export interface CreateSessionOutput {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly SessionToken: string;
  readonly UserName: string;
  /** By the system's time, whatever clock the service runs on. */
  readonly Expiration: string;
}
