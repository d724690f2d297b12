import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { PlainSecret } from "./auth/keyring.ts";
import { rootKeyLines } from "./secrets/root-key-file.ts";
import { writeSecretFile } from "./secrets/secret-file.ts";

interface Announcement {
  readonly url: string;
  /** Where metrics are served, if that is an address of their own. */
  readonly metricsUrl: string | null;
  readonly dataFolder: string;
  /** Null when it is in the data folder. Otherwise nothing is. */
  readonly database: { readonly url: { readonly name: string } } | null;
  readonly blobs: { readonly name: string } | null;
  /** Whether nobody chose that folder. */
  readonly isDefaultDataFolder: boolean;
  /** Whether the folder is removed when the server stops. */
  readonly isEphemeral: boolean;
  readonly region: string;
  /** Whether a proxy is set where the server runs, and so most likely where its lines are pasted. */
  readonly isProxied: boolean;
  readonly warnings: readonly string[];
  /** The root's key, if nobody has seen it yet. */
  readonly newKey: PlainSecret | null;
  /** Whether the operator gave the key, so that an earlier one no longer holds. */
  readonly isKeyGiven: boolean;
  /** Where the operator wants the key to be written; null leaves that to the kind of output. */
  readonly rootKeyFile: string | null;
}

/** Variables by which AWS's tools would pass over the endpoint, or refuse it; `MORAINE_ENDPOINT` would lead the command elsewhere. */
const endpointObstacles = [
  "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
  "AWS_USE_DUALSTACK_ENDPOINT",
  "AWS_USE_FIPS_ENDPOINT",
  "MORAINE_ENDPOINT",
];

/** Variables that some of AWS's tools would prefer to the key, or send with it. */
const credentialObstacles = [
  "AWS_CREDENTIAL_EXPIRATION",
  "AWS_DEFAULT_PROFILE",
  "AWS_PROFILE",
  "AWS_SECURITY_TOKEN",
  "AWS_SESSION_TOKEN",
];

/** Prints, in a form that can be pasted into a shell, where the server listens. Resolves when that was taken, and a new key shown. */
export async function announce(output: NodeJS.WriteStream, announcement: Announcement): Promise<void> {
  const { url, metricsUrl, region, isProxied, warnings } = announcement;
  const lines = [
    ...folderLines(announcement),
    ...(metricsUrl === null ? [] : [`# Metrics are at ${metricsUrl}/metrics`]),
    ...warnings.map((text) => `# WARNING: ${text}`),
    `unset ${endpointObstacles.join(" ")}`,
    `export AWS_ENDPOINT_URL_GLACIER=${url}`,
    // boto3 and aws-cli read the first, AWS's other SDKs the second.
    `export AWS_DEFAULT_REGION=${region}`,
    `export AWS_REGION=${region}`,
    ...(isProxied ? pastProxies(url) : []),
    ...(await keyLines(announcement, output.isTTY)),
  ];
  await new Promise<void>((resolve, reject) => {
    output.write(`${lines.map(onOneLine).join("\n")}\n`, (error) => (error ? reject(error) : resolve()));
  });
}

function folderLines({ url, dataFolder, database, blobs, isDefaultDataFolder, isEphemeral }: Announcement): string[] {
  if (database !== null) {
    return [`# Moraine serves the Glacier vault API at ${url}, from ${database.url.name} and ${blobs?.name}`];
  }
  const clone = isEphemeral ? null : gitCloneOf(dataFolder);
  return [
    `# Moraine serves the Glacier vault API at ${url}, from ${dataFolder}${isEphemeral ? " until it stops" : ""}`,
    ...(isDefaultDataFolder
      ? ["# This data folder is the default: choose another with --data DIR or MORAINE_DATA"]
      : []),
    ...(clone === null
      ? []
      : [
          `# The data folder is inside the Git clone ${clone}: to remove the clone, or to clean it with git clean -x, deletes it`,
        ]),
  ];
}

/** Hosts that were excepted before stay so. Programs differ in which of the two variables counts. */
const pastProxies = (url: string): string[] => [
  `export NO_PROXY="${new URL(url).hostname.replace(/[[\]]/g, "")},\${no_proxy:-\${NO_PROXY:-}}"`,
  'export no_proxy="$NO_PROXY"',
];

/** The nearest folder around `path` that Git works in; null when there is none. */
function gitCloneOf(path: string): string | null {
  for (let folder = path; ; folder = dirname(folder)) {
    if (existsSync(join(folder, ".git"))) {
      return folder;
    }
    if (folder === dirname(folder)) {
      return null;
    }
  }
}

/** Output that is no terminal is kept, in a service's log for one: the key goes into a file instead. */
async function keyLines(announcement: Announcement, isTerminal: boolean): Promise<string[]> {
  const { newKey, isKeyGiven, rootKeyFile, dataFolder, database, isEphemeral } = announcement;
  const unset = `unset ${credentialObstacles.join(" ")}`;
  const defaultFile = join(dataFolder, "root-key");
  if (newKey === null && (isEphemeral || database !== null)) {
    return ["# The root's access key was given."];
  }
  if (newKey === null && !isKeyGiven && existsSync(defaultFile)) {
    return [
      "# The root's access key is still in the file of the first start: keep it elsewhere.",
      unset,
      `. ${quoted(defaultFile)}`,
    ];
  }
  if (newKey === null) {
    const command = `npx @moraine/cli admin root-key --offline --data ${quoted(dataFolder)}`;
    return [`# The root's access key was given, or shown before; a lost one, while the server is down: ${command}`];
  }
  if (rootKeyFile === null && isTerminal) {
    return ["# The root's access key. It is shown only now: keep it.", unset, ...rootKeyLines(newKey)];
  }
  const file = rootKeyFile ?? defaultFile;
  await writeSecretFile(file, Buffer.from(`${rootKeyLines(newKey).join("\n")}\n`));
  const where = "# The root's access key is in a file that only its owner can read: keep it elsewhere.";
  return [where, unset, `. ${quoted(file)}`];
}

/** The name of a folder may have a line in it, which a shell would run. A quoted one is right as it is. */
const onOneLine = (line: string): string => (line.startsWith("#") ? line.replace(/\p{Cc}/gu, "?") : line);

/** For a shell. */
const quoted = (path: string): string => (/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`);
