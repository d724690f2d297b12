import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ShellHere } from "./support/command.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// Help as people read it, also on narrow terminals.

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let here: ShellHere;
before(async () => {
  folder = await temporaryFolder();
  here = new ShellHere(folder.path);
});
after(() => folder[Symbol.asyncDispose]());

const help = (names: readonly string[], columns = 80) => here.done([...names, "--help"], { onTerminal: columns });

/** Every command, from the help of those above it. */
async function everyCommand(names: readonly string[] = []): Promise<string[][]> {
  const [, listed = ""] = (await help(names)).split("\nCommands:\n");
  const [list = ""] = listed.split("\n\n");
  const below = [...list.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name = ""]) => name);
  const known = below.filter(
    (name) => !["help", "serve", "verify", "backup", "restore", "repair", "copy"].includes(name),
  );
  const others = await Promise.all(known.map((name) => everyCommand([...names, name])));
  return [[...names], ...others.flat()];
}

describe("on a terminal of", () => {
  for (const columns of [80, 40]) {
    test(`${columns} columns, no line of any help is longer, and none is cut within a word`, async () => {
      const commands = await everyCommand();
      assert.ok(commands.length > 70, String(commands.length));
      for (const names of commands) {
        const text = await help(names, columns);
        const long = text.split("\n").filter((line) => line.length > columns && /\S +[^\s\\]/.test(line));
        assert.deepEqual(long, [], names.join(" "));
        const wide = await help(names, 80);
        assert.deepEqual(text.match(/[A-Za-z]{3,}/g)?.length, wide.match(/[A-Za-z]{3,}/g)?.length, names.join(" "));
      }
    });
  }
});

test("an example that is too long for the terminal continues as a shell takes it", async () => {
  const text = await help(["upload"], 40);
  assert.match(text, /^ {2}moraine upload photos holiday\.tar \\\n {4}--description "Holiday 2026"$/m);
});

test("the help of admin has each option once, and those of the program that it takes", async () => {
  const text = await help(["admin"]);
  assert.equal(text.match(/--endpoint <url>/g)?.length, 1);
  assert.equal(text.match(/--json/g)?.length, 1);
  assert.match(text, /--profile <name>/);
  assert.doesNotMatch(text, /--dry-run|--account/);
});

test("help of a command that does not exist is wrong usage", async () => {
  assert.equal(await here.done(["help", "vault", "create"], { onTerminal: 80 }), await help(["vault", "create"]));
  assert.equal(await here.done(["vault", "help", "create"], { onTerminal: 80 }), await help(["vault", "create"]));
  await here.refused(["help", "nope"], 2, /^moraine: unknown command 'nope'/);
  await here.refused(["vault", "help", "nope"], 2, /^moraine: unknown command 'nope'/);
});
