import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// The server as its users run it: a process of its own, reached through its socket and ended by signals.

export const repositoryRoot = fileURLToPath(new URL("../../", import.meta.url));
/** Packed as they are published, programs start in half the time: `npm test` packs them first. Without the folder the sources are run. */
export const packed =
  process.env["PACKED_PROGRAMS"] === undefined ? null : join(repositoryRoot, process.env["PACKED_PROGRAMS"]);
export const moraineProgram = programOf("cli", "main");
/** How `npm start` does it. */
export const sourcesCommand = commandOf("start");
export const startCommand = {
  ...sourcesCommand,
  args: sourcesCommand.args.map((word) => (word.endsWith("/main.ts") ? serverProgram("main") : word)),
};
/** A server must not outlive a test that was interrupted. */
const endWithTest = process.platform === "linux" ? ["setpriv", "--pdeathsig", "KILL"] : [];
const startMillisecondsMax = 30_000;
const endMillisecondsMax = 40_000;

/** Known to every test, so that nothing has to be read from the output of a first start. */
export const rootKey = { accessKeyId: "AKIAMORAINETESTS0001", secretAccessKey: "not-a-secret-of-anybody-0001" };
export const accountId = "123456789012";
export const region = "us-east-1";

type Environment = Readonly<Record<string, string | undefined>>;

export interface ServerOptions {
  /** Null gives no folder. */
  readonly dataFolder: string | null;
  readonly flags?: readonly string[];
  /** Undefined takes a variable away. */
  readonly environment?: Environment;
  /** How to start it. @default like `npm start`, but the packed program where it is packed */
  readonly command?: NodeCommand;
}

export interface NodeCommand {
  /** Words before `node`: another program that starts it. @default none */
  readonly prefix?: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly args: readonly string[];
}

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Addresses {
  readonly url: string;
  readonly metricsUrl: string | null;
  /** The lines for a shell that the start printed. */
  readonly lines: string;
}

/** A server that listens. Disposing of it kills it, if it still runs. */
export class ServerProcess implements AsyncDisposable {
  readonly url: string;
  /** Where the metrics are, if on an address of their own. */
  readonly metricsUrl: string | null;
  /** The lines for a shell that the start printed. */
  readonly lines: string;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #ended: Promise<Ending>;

  constructor(child: ChildProcess, { url, metricsUrl, lines }: Addresses, ended: Promise<Ending>) {
    this.#child = child;
    this.#ended = ended;
    this.url = url;
    this.metricsUrl = metricsUrl;
    this.lines = lines;
    this.pid = child.pid ?? 0;
  }

  get ended(): Promise<Ending> {
    return within(endMillisecondsMax, this.#ended, `process ${this.pid} does not end`);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Resolves when its log says what the signal did. */
  async signalUntil(name: NodeJS.Signals, message: RegExp): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    let seen = "";
    const listen = (text: string) => {
      seen += text;
      if (message.test(seen)) {
        resolve();
      }
    };
    this.#child.stderr?.on("data", listen);
    this.signal(name);
    await within(endMillisecondsMax, promise, `process ${this.pid} does not log ${message}`);
    this.#child.stderr?.off("data", listen);
  }

  /** Asks it to end in order, which it must do with exit code 0. */
  async stop(): Promise<Ending> {
    this.signal("SIGTERM");
    const ending = await this.ended;
    if (ending.code !== 0) {
      throw new Error(`The server ended with ${ending.code ?? ending.signal} after SIGTERM: ${ending.stderr}`);
    }
    return ending;
  }

  /** Ends it as a power switch would, as far as one process goes. */
  async kill(): Promise<Ending> {
    this.signal("SIGKILL");
    return this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      await this.kill();
    }
  }
}

/** Resolves when the server has said where it listens; rejects with its own words when it ends before. */
export async function startServer({
  dataFolder,
  flags = [],
  environment = {},
  command = startCommand,
}: ServerOptions): Promise<ServerProcess> {
  const data = dataFolder === null ? [] : ["--data", dataFolder];
  const child = spawnServer([...data, "--listen", "127.0.0.1:0", ...flags], { environment, command });
  const ended = endingOf(child);
  const endpoint = new Promise<Addresses>((resolve) => {
    let seen = "";
    child.stdout?.on("data", (text: string) => {
      seen += text;
      const url = /^export AWS_ENDPOINT_URL_GLACIER=(\S+)$/m.exec(seen)?.[1];
      if (url !== undefined) {
        resolve({ url, metricsUrl: /^# Metrics are at (\S+)\/metrics$/m.exec(seen)?.[1] ?? null, lines: seen });
      }
    });
  });
  const early = ended.then(({ code, signal, stderr }) => {
    throw new Error(`The server ended with ${code ?? signal} before it listened: ${stderr}`);
  });
  early.catch(() => undefined); // A server that ends later has won the race below already.
  try {
    const addresses = await within(startMillisecondsMax, Promise.race([endpoint, early]), "the server does not start");
    return new ServerProcess(child, addresses, ended);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

/** Starts a server and kills it this many milliseconds later, listening or not. */
export async function killWhileStarting(dataFolder: string, milliseconds: number): Promise<void> {
  const child = spawnServer(["--data", dataFolder, "--listen", "127.0.0.1:0"], {});
  const ended = endingOf(child);
  setTimeout(() => child.kill("SIGKILL"), milliseconds);
  await ended;
}

/** Runs a server that is expected to end by itself. */
export async function runServer(args: readonly string[], environment: Environment = {}): Promise<Ending> {
  const child = spawnServer(args, { environment });
  try {
    return await within(startMillisecondsMax, endingOf(child), "the server does not end");
  } finally {
    child.kill("SIGKILL");
  }
}

export function spawnServer(
  args: readonly string[],
  {
    environment = {},
    command = startCommand,
    cwd = repositoryRoot,
  }: Pick<ServerOptions, "environment" | "command"> & { readonly cwd?: string },
): ChildProcess {
  const [program = "", ...words] = [...endWithTest, ...(command.prefix ?? []), process.execPath, ...command.args];
  return spawn(program, [...words, ...args], {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...cleanEnvironment(),
      ...command.environment,
      MORAINE_ROOT_ACCESS_KEY_ID: rootKey.accessKeyId,
      MORAINE_ROOT_SECRET_ACCESS_KEY: rootKey.secretAccessKey,
      MORAINE_LOG_LEVEL: "warn",
      ...environment,
    },
  });
}

/** The command of an npm script, so that tests run the same: `cd … && NAME=VALUE … exec node ARGUMENT …`. */
function commandOf(script: string): NodeCommand {
  const { scripts } = JSON.parse(readFileSync(join(repositoryRoot, "package.json"), "utf8"));
  const quoted: string[] = scripts[script].replace(/^cd .* && /, "").split(" ");
  const words = quoted.map((word) => word.replaceAll('"', "").replace("$OLDPWD/", repositoryRoot));
  const node = words.indexOf("node");
  const variables = words.slice(0, node - 1);
  return {
    environment: Object.fromEntries(variables.map((word) => /^(\w+)=(.*)$/.exec(word)?.slice(1) ?? [])),
    args: words.slice(node + 1),
  };
}

/** The file of one of the server's programs: `main`, `backup`, `copy`, `repair`, `restore` or `verify`. */
export function serverProgram(name: string): string {
  return programOf("server", name);
}

function programOf(part: "cli" | "server", name: string): string {
  return packed === null
    ? join(repositoryRoot, "packages", part, "src", name === "main" ? "main.ts" : `${name}/main.ts`)
    : join(packed, part, "dist", `${name}.js`);
}

/** Without what the shell, npm or the test runner would have a server or a client believe. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(MORAINE_|AWS_|npm_|NODE_OPTIONS$|NODE_TEST_CONTEXT$|INIT_CWD$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

export async function endingOf(child: ChildProcess): Promise<Ending> {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const [code, signal] = await once(child, "close");
  return { code, signal, stdout, stderr };
}

export async function within<Value>(milliseconds: number, promise: Promise<Value>, failure: string): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`After ${milliseconds} ms: ${failure}`)), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
