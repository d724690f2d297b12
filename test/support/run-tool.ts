import { spawn } from "node:child_process";
import {
  cleanEnvironment,
  type Ending,
  endingOf,
  region,
  rootKey,
  type ServerProcess,
  within,
} from "./server-process.ts";

export interface ToolOptions {
  readonly environment?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** @default 120 */
  readonly secondsMax?: number;
}

/** Runs somebody else's program as its users would: with the server and the key in its environment. */
export async function runTool(
  { url }: Pick<ServerProcess, "url">,
  command: string,
  args: readonly string[],
  { environment = {}, cwd, secondsMax = 120 }: ToolOptions = {},
): Promise<Ending> {
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    cwd,
    env: {
      ...cleanEnvironment(),
      // Debian's release does not know AWS_ENDPOINT_URL_GLACIER yet; the tests pass it on.
      MORAINE_URL: url,
      AWS_DEFAULT_REGION: region,
      AWS_ACCESS_KEY_ID: rootKey.accessKeyId,
      AWS_SECRET_ACCESS_KEY: rootKey.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_CONFIG_FILE: "/dev/null",
      AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
      AWS_PAGER: "",
      ...environment,
    },
  });
  try {
    return await within(secondsMax * 1000, endingOf(child), `${command} does not end`);
  } finally {
    child.kill("SIGKILL");
  }
}
