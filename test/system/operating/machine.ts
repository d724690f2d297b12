import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cleanEnvironment, type Ending, endingOf, repositoryRoot, within } from "../../support/server-process.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const commandMillisecondsMax = 60_000;

/**
 * Runs commands as root on a machine of its own: namespaces of mounts, processes and network, in which the folders that procedures change
 * are in memory. Disposing of it ends all its processes.
 */
export class Machine implements AsyncDisposable {
  readonly #folder: Awaited<ReturnType<typeof temporaryFolder>>;
  readonly #first: ChildProcess;
  readonly #pid: string;
  readonly #environment: NodeJS.ProcessEnv;

  private constructor(
    folder: Awaited<ReturnType<typeof temporaryFolder>>,
    first: ChildProcess,
    pid: string,
    environment: NodeJS.ProcessEnv,
  ) {
    this.#folder = folder;
    this.#first = first;
    this.#pid = pid;
    this.#environment = environment;
  }

  /** @param packed called with the folder into which the packages are to be packed. */
  static async start(packed: (folder: string) => Promise<void>): Promise<Machine> {
    const folder = await temporaryFolder();
    const [etc, packages] = [join(folder.path, "etc"), join(folder.path, "packages")];
    await mkdir(etc);
    await packed(packages);
    const namespaces = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation=private"];
    const script = join(repositoryRoot, "test/system/operating/machine.sh");
    const first = spawn("unshare", [...namespaces, "bash", script, etc, dirname(process.execPath)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(first, "exit").then(() => assert.fail("the machine does not start: it needs root"));
    await Promise.race([once(first.stdout, "data"), ended]);
    // unshare's only child, in its namespaces.
    const pid = (await readFile(`/proc/${first.pid}/task/${first.pid}/children`, "utf8")).trim();
    const environment = {
      ...cleanEnvironment(),
      PATH: `/srv/npm/bin:/srv/node:${process.env["PATH"]}`,
      HOME: "/srv",
      LC_ALL: "C.UTF-8",
      NODE_COMPILE_CACHE: "/srv/compiled",
      npm_config_prefix: "/srv/npm",
      npm_config_cache: "/srv/npm/cache",
      npm_config_update_notifier: "false",
      PACKED: packages,
      REPOSITORY: repositoryRoot,
    };
    return new Machine(folder, first, pid, environment);
  }

  run(script: string): Promise<Ending> {
    const shell = ["--target", this.#pid, "--mount", "--net", "--pid", "bash", "-e", "-c", script];
    const child = spawn("nsenter", shell, { env: this.#environment, stdio: ["ignore", "pipe", "pipe"] });
    return within(commandMillisecondsMax, endingOf(child), script);
  }

  /** Runs commands that must succeed; resolves to their output. */
  async done(script: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(script);
    assert.equal(code, 0, `${script}\n${stdout}${stderr}`);
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#first.exitCode === null) {
      const ended = once(this.#first, "exit");
      this.#first.kill("SIGKILL");
      await ended;
    }
    await this.#folder[Symbol.asyncDispose]();
  }
}
