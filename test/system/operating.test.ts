import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Machine } from "./operating/machine.ts";
import { packBundles } from "./operating/pack-bundles.ts";
import { readPage } from "./operating/page.ts";
import { procedures } from "./operating/procedures.ts";
import { scriptOf } from "./operating/stand-ins.ts";
import { Vault } from "./operating/vault.ts";

// The procedures of docs/operating.md, run from the page itself on a machine of their own: the server, the command, nginx and openssl are
// real, and the data folder is the one that the procedures before have left.

/** The block that each shell needs first, from when it can be run. */
const shellBlock = "The operator's shell 1";

const page = readPage();
const codeOf = new Map(page.blocks.map(({ name, code }) => [name, code]));
let machine: Machine;
let vault: Vault;
let hasShell = false;
before(async () => {
  machine = await Machine.start(packBundles);
  vault = new Vault(machine, (code) => scriptIn(code));
});
after(() => machine[Symbol.asyncDispose]());

const scriptIn = (code: string): string => scriptOf(`${hasShell ? codeOf.get(shellBlock) : ""}${code}`);

test("each block has a test, in the order of the page, and the reference has no commands for a shell", () => {
  assert.deepEqual(
    procedures.map(({ block }) => block),
    page.blocks.map(({ name }) => name),
  );
  assert.doesNotMatch(page.reference, /^```(sh|bash|shell)$/m);
});

let failed: string | null = null;
for (const { block, given, code = 0, shows } of procedures) {
  test(`docs/operating.md: ${block}`, async () => {
    assert.equal(failed, null, "each procedure needs those before it");
    failed = block;
    try {
      await given?.({ machine, vault });
      hasShell ||= block === shellBlock;
      const ending = await machine.run(scriptIn(block === shellBlock ? "" : String(codeOf.get(block))));
      const { stdout, stderr } = ending;
      assert.equal(ending.code, code, `${stdout}${stderr}`);
      await shows({ machine, vault, output: stdout });
      failed = null;
    } finally {
      if (failed !== null) {
        console.error(
          (await machine.run("grep '^{\\|^moraine:' /var/log/moraine.log | tail --lines 8 | cut --bytes 1-300")).stdout,
        );
      }
    }
  });
}
