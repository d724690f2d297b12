import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { runProgram } from "../../packages/cli/src/program.ts";
import {
  cleanEnvironment,
  type Ending,
  endingOf,
  moraineProgram,
  repositoryRoot,
  rootKey,
  within,
} from "./server-process.ts";

// The command as its users run it.

export interface Run {
  readonly environment?: NodeJS.ProcessEnv;
  readonly input?: string | Uint8Array;
  readonly command?: readonly string[];
  readonly cwd?: string;
  /** Standard output is a terminal, or one of this many columns; of commands without a process of their own. */
  readonly onTerminal?: true | number;
  /** The input and standard error are a terminal, on which a person answers; of the same commands. */
  readonly isAnswered?: true;
}

export const asRoot = { AWS_ACCESS_KEY_ID: rootKey.accessKeyId, AWS_SECRET_ACCESS_KEY: rootKey.secretAccessKey };

/** The command line that a shell would run for `moraine`. */
export const moraineCommand = [
  process.execPath,
  "--max-semi-space-size=4",
  "--heap-growing-percent=30",
  "--conditions=@moraine/source",
  moraineProgram,
];

/** One user's shell: a home folder, and a service in the environment. */
export class Shell {
  readonly #home: string;
  readonly #environment: Readonly<Record<string, string>>;

  constructor(home: string, environment: Readonly<Record<string, string>>) {
    this.#home = home;
    this.#environment = environment;
  }

  start(args: readonly string[], { environment = asRoot, command = moraineCommand, cwd }: Run = {}): ChildProcess {
    const [file = "", ...first] = command;
    return spawn(file, [...first, ...args], {
      cwd: cwd ?? this.#home,
      env: {
        ...cleanEnvironment(),
        AWS_EC2_METADATA_DISABLED: "true",
        HOME: this.#home,
        NODE_COMPILE_CACHE: join(repositoryRoot, "node_modules/.cache/moraine"),
        npm_config_update_notifier: "false",
        ...this.#environment,
        ...environment,
      },
      stdio: ["pipe", "pipe", "pipe"],
    });
  }

  async run(args: readonly string[], run: Run = {}): Promise<Ending> {
    const child = this.start(args, run);
    child.stdin?.on("error", () => undefined); // A command that ends early reads no more.
    child.stdin?.end(run.input);
    return within(30_000, endingOf(child), `moraine ${args.join(" ")}`);
  }

  /** Returns its stdout; on stderr it may report nothing but the progress of jobs. */
  async done(args: readonly string[], run?: Run): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, run);
    assert.deepEqual([code, stderr.replace(ofJobs, "")], [0, ""], `moraine ${args.join(" ")}: ${stdout}`);
    return stdout;
  }

  async refused(args: readonly string[], code: number, message: RegExp, run?: Run): Promise<void> {
    const ending = await this.run(args, run);
    assert.equal(ending.code, code, `moraine ${args.join(" ")}: ${ending.stdout}${ending.stderr}`);
    assert.equal(ending.stdout, "");
    assert.match(ending.stderr.replace(ofJobs, ""), message);
  }
}

const ofJobs = /^moraine: job [\w-]+ (was started|already exists|is in progress|has succeeded)\n/gm;

/** The same program without a process of its own, for what needs neither signals nor streams: a start costs half a second. */
export class ShellHere extends Shell {
  readonly #home: string;

  /** Credentials come from this process's environment. */
  constructor(home: string) {
    super(home, {});
    this.#home = home;
  }

  override async run(
    args: readonly string[],
    { environment = process.env, input, onTerminal, isAnswered }: Run = {},
  ): Promise<Ending> {
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    Object.assign(stdout, { isTTY: onTerminal !== undefined, ...(onTerminal !== true && { columns: onTerminal }) });
    for (const stream of [stdin, stderr]) {
      Object.assign(stream, { isTTY: isAnswered });
    }
    stdin.end(input);
    const [code, ...texts] = await Promise.all([
      runProgram(args, {
        environment,
        signal: new AbortController().signal,
        stdin: () => stdin as unknown as NodeJS.ReadStream,
        stdout: stdout as unknown as NodeJS.WriteStream,
        stderr: stderr as unknown as NodeJS.WriteStream,
        pathOf: (name) => resolve(this.#home, name),
      }).finally(() => [stdout.end(), stderr.end()]),
      text(stdout),
      text(stderr),
    ]);
    return { code, signal: null, stdout: texts[0] ?? "", stderr: texts[1] ?? "" };
  }
}
