import { join } from "node:path";
import type { PlainSecret } from "./auth/keyring.ts";
import { rootKeyLines } from "./secrets/root-key-file.ts";
import { writeSecretFile } from "./secrets/secret-file.ts";

interface Announcement {
  readonly url: string;
  /** Where metrics are served, if that is an address of their own. */
  readonly metricsUrl: string | null;
  readonly dataFolder: string;
  readonly region: string;
  readonly warnings: readonly string[];
  /** The root's key, if nobody has seen it yet. */
  readonly newKey: PlainSecret | null;
  /** Where the operator wants the key to be written; null leaves that to the kind of output. */
  readonly rootKeyFile: string | null;
}

/** Prints, in a form that can be pasted into a shell, where the server listens. Resolves when that was taken, and a new key shown. */
export async function announce(output: NodeJS.WriteStream, announcement: Announcement): Promise<void> {
  const { url, metricsUrl, dataFolder, region, warnings } = announcement;
  const lines = [
    `# Moraine serves the Glacier vault API at ${url}, from ${dataFolder}`,
    ...(metricsUrl === null ? [] : [`# Metrics are at ${metricsUrl}/metrics`]),
    ...warnings.map((text) => `# WARNING: ${text}`),
    `export AWS_ENDPOINT_URL_GLACIER=${url}`,
    `export AWS_DEFAULT_REGION=${region}`,
    ...(await keyLines(announcement, output.isTTY)),
  ];
  await new Promise<void>((resolve, reject) => {
    output.write(`${lines.join("\n")}\n`, (error) => (error ? reject(error) : resolve()));
  });
}

/** Output that is no terminal is kept, in a service's log for one: the key goes into a file instead. */
async function keyLines({ newKey, rootKeyFile, dataFolder }: Announcement, isTerminal: boolean): Promise<string[]> {
  if (newKey === null) {
    const command = `npx @moraine/cli admin root-key --offline --data ${quoted(dataFolder)}`;
    return [`# The root's access key was given, or shown before; a lost one, while the server is down: ${command}`];
  }
  if (rootKeyFile === null && isTerminal) {
    return ["# The root's access key. It is shown only now: keep it.", ...rootKeyLines(newKey)];
  }
  const file = rootKeyFile ?? join(dataFolder, "root-key");
  await writeSecretFile(file, Buffer.from(`${rootKeyLines(newKey).join("\n")}\n`));
  return ["# The root's access key is in a file that only its owner can read: keep it elsewhere.", `. ${quoted(file)}`];
}

/** For a shell. */
const quoted = (path: string): string => (/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`);
