import { GlacierClient } from "@aws-sdk/client-glacier";
import type { CalledOperations } from "./called-operations.ts";
import { region, rootKey, type ServerProcess } from "./server-process.ts";

export interface SdkClientOptions {
  /** @default 1: a test sees what the first try was answered */
  readonly maxAttempts?: number;
  /** Called for every call that succeeds. */
  readonly called?: CalledOperations;
}

/** AWS's own client, unmodified; the account is the caller's, as SDKs leave it by default. */
export function sdkClient(
  { url }: Pick<ServerProcess, "url">,
  { maxAttempts = 1, called }: SdkClientOptions = {},
): GlacierClient {
  const client = new GlacierClient({ endpoint: url, region, credentials: rootKey, maxAttempts });
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const answer = await next(args);
        called?.add(String(commandName).replace(/Command$/, ""));
        return answer;
      },
    { step: "initialize" },
  );
  return client;
}

/** The account's segment of the path. */
export const own = Object.freeze({ accountId: "-" });

export async function untilTrue(what: string, holds: () => Promise<boolean>, secondsMax = 30): Promise<void> {
  const end = performance.now() + secondsMax * 1000;
  while (!(await holds())) {
    if (performance.now() > end) {
      throw new Error(`Not so after ${secondsMax} s: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Makes things until one has an id that begins with `-`, which one in 64 does. */
export async function untilDash(make: () => Promise<string | undefined>): Promise<string> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const ids = await Promise.all(Array.from({ length: 10 }, make));
    const found = ids.find((id) => id?.startsWith("-"));
    if (found !== undefined) {
      return found;
    }
  }
  throw new Error("None of 2,000 ids begins with a dash");
}
