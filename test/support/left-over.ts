import { spawn } from "node:child_process";
import { cleanEnvironment, type Ending, endingOf, within } from "./server-process.ts";

/** Variables of a shell in which somebody has worked with AWS, or with another server, before. */
export const leftOver = {
  AWS_ACCESS_KEY_ID: "AKIASOMEBODYELSES000",
  AWS_SECRET_ACCESS_KEY: "of-somebody-else",
  AWS_SESSION_TOKEN: "expired-long-ago",
  AWS_SECURITY_TOKEN: "expired-long-ago",
  AWS_CREDENTIAL_EXPIRATION: "2020-01-01T00:00:00Z",
  AWS_PROFILE: "not-in-any-file",
  AWS_DEFAULT_PROFILE: "not-in-any-file",
  AWS_REGION: "eu-central-1",
  AWS_DEFAULT_REGION: "eu-central-1",
  AWS_ENDPOINT_URL_GLACIER: "http://127.0.0.1:1",
  AWS_ENDPOINT_URL: "http://127.0.0.1:1",
  AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true",
  AWS_USE_FIPS_ENDPOINT: "true",
  AWS_USE_DUALSTACK_ENDPOINT: "true",
  MORAINE_ENDPOINT: "http://127.0.0.1:1",
};

/** Runs lines in a shell with all that left over. */
export async function runInShell(home: string, lines: string, more: NodeJS.ProcessEnv = {}): Promise<Ending> {
  const child = spawn("sh", ["-e", "-c", lines], {
    cwd: home,
    env: { ...cleanEnvironment(), HOME: home, AWS_EC2_METADATA_DISABLED: "true", ...leftOver, ...more },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return within(30_000, endingOf(child), "the shell does not end");
}
