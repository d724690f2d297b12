import assert from "node:assert/strict";
import type { CalledOperations } from "./called-operations.ts";
import { runTool } from "./run-tool.ts";
import type { Ending, ServerProcess } from "./server-process.ts";

/** Debian's aws-cli, unmodified. */
export class AwsCli {
  readonly #server: Pick<ServerProcess, "url">;
  readonly #called: CalledOperations;

  /** @param called is passed every call that succeeds. */
  constructor(server: Pick<ServerProcess, "url">, called: CalledOperations) {
    this.#server = server;
    this.#called = called;
  }

  /** @param command as it is typed, like `describe-vault`. */
  async run(command: string, args: readonly string[]): Promise<Ending> {
    const common = ["--endpoint-url", this.#server.url, "--output", "json", "glacier", ...command.split(" ")];
    const ending = await runTool(this.#server, "/usr/bin/aws", [...common, "--account-id", "-", ...args]);
    if (ending.code === 0) {
      this.#called.add(command.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase()));
    }
    return ending;
  }

  /** Runs the command and returns the JSON that it printed. */
  async succeed(command: string, args: readonly string[]) {
    const { code, stdout, stderr } = await this.run(command, args);
    assert.equal(code, 0, stderr);
    return stdout === "" ? {} : JSON.parse(stdout);
  }

  /** Runs a command that must fail, and returns its message. */
  async fail(command: string, args: readonly string[]): Promise<string> {
    const { code, stderr } = await this.run(command, args);
    assert.equal(code, 254, stderr);
    return stderr;
  }
}
