import assert from "node:assert/strict";
import type { Ending } from "../../support/server-process.ts";
import type { Machine } from "./machine.ts";

const name = "photos";

const pathOf = (file: string): string => `/mnt/elsewhere/${file.replaceAll(" ", "-")}`;

/** The vault whose archives must outlive the procedures, used by the installed command on the machine. */
export class Vault {
  readonly #machine: Machine;
  readonly #scriptIn: (code: string) => string;
  readonly #ids = new Map<string, string>();

  /** @param scriptIn makes a script of lines for the operator's shell. */
  constructor(machine: Machine, scriptIn: (code: string) => string) {
    this.#machine = machine;
    this.#scriptIn = scriptIn;
  }

  /** Runs lines in the operator's shell. */
  run(code: string): Promise<Ending> {
    return this.#machine.run(this.#scriptIn(code));
  }

  async done(code: string): Promise<string> {
    const { code: exit, stdout, stderr } = await this.run(code);
    assert.equal(exit, 0, `${code}\n${stdout}${stderr}`);
    return stdout;
  }

  async create(): Promise<void> {
    await this.done(`moraine vault create ${name}`);
  }

  /** Uploads random bytes, which stay in a file of this name. */
  async upload(file: string, mebibytes = 1, through = ""): Promise<void> {
    const path = pathOf(file);
    await this.#machine.done(`head -c $((${mebibytes} * 1048576 + 7)) /dev/urandom > ${path}`);
    const id = await this.done(`${through} moraine --quiet --retry-for 5s upload ${name} ${path}`);
    this.#ids.set(file, id.trim());
  }

  /** Asserts that archives are retrieved with the bytes that were uploaded. */
  async has(...files: readonly string[]): Promise<void> {
    const each = files.map((file) => {
      const id = this.idOf(file);
      return `moraine --quiet retrieve ${name} -o - -- ${id} | cmp - ${pathOf(file)}`;
    });
    await this.done(["set -o pipefail", ...each].join("\n"));
  }

  /** Asserts that the service knows none of these archives. */
  async lacks(...files: readonly string[]): Promise<void> {
    for (const file of files) {
      const { code, stderr } = await this.run(`moraine retrieve ${name} --new-job --verify-only -- ${this.idOf(file)}`);
      assert.notEqual(code, 0);
      assert.match(stderr, /The archive ID was not found/);
    }
  }

  async delete(file: string): Promise<void> {
    await this.done(`moraine archive delete ${name} -- ${this.idOf(file)}`);
  }

  /** The archive's file in a data folder, a mirror or a folder of backups. */
  async fileOf(file: string, folder = "/var/lib/moraine"): Promise<string> {
    // The server may remove others meanwhile.
    const found = await this.#machine.done(`find ${folder}/blobs -ignore_readdir_race -name '*${this.idOf(file)}.*'`);
    assert.match(found, /^\S+\n$/, `one file of ${file} in ${folder}`);
    return found.trim();
  }

  idOf(file: string): string {
    const id = this.#ids.get(file);
    assert.match(String(id), /^[\w-]{138}$/);
    return String(id);
  }
}
