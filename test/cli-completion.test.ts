import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Shell, ShellHere } from "./support/command.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// Returns what bash completes for a line when Tab is pressed. A stand-in for the command prints its arguments.

const tab = "\t";
/** Puts all words that would do into the line. */
const insertAll = "\x1b*";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let here: ShellHere;
before(async () => {
  folder = await temporaryFolder();
  here = new ShellHere(folder.path);
  await mkdir(join(folder.path, "sub"));
  for (const name of ["policy file.json", "other.txt", "sub/x.json"]) {
    await writeFile(join(folder.path, name), "");
  }
  const script = await here.done(["completion", "bash"]);
  await writeFile(
    join(folder.path, "startup"),
    `${script}\nmoraine() { printf '\\nRAN'; printf '<%s>' "$@"; echo; }\nPS1=\nbind 'set bell-style none'\n`,
  );
});
after(() => folder[Symbol.asyncDispose]());

async function ran(lines: readonly string[]): Promise<string[]> {
  const command = ["script", "-qec", "exec bash --noprofile --rcfile startup -i", "/dev/null"];
  const environment = { TERM: "dumb", INPUTRC: "/dev/null" };
  const input = `${lines.map((line) => `moraine ${line}\n`).join("")}exit\n`;
  const { stdout, stderr } = await new Shell(folder.path, {}).run([], { command, environment, input });
  assert.doesNotMatch(stdout + stderr, /bash: /);
  return [...stdout.matchAll(/^RAN(.*?)\r?$/gm)].map(([, words = ""]) => words);
}

const offered: Readonly<Record<string, string>> = {
  // Commands.
  [`vault ${insertAll}`]: "<vault><create><delete><describe><empty><list>",
  [`upload ${insertAll}`]: "<upload><abort><list><to>",
  [`--region=eu-west-1 lo${tab}co${tab}`]: "<--region=eu-west-1><lock><complete>",
  [`--endpoint http://127.0.0.1:8484 tags ${insertAll}`]:
    "<--endpoint><http://127.0.0.1:8484><tags><add><list><remove>",
  [`nonsense ${tab}`]: "<nonsense>",
  // Options, those that the program has included; and words of which one must be chosen.
  [`vault list --acc${tab} 1 --dr${tab}`]: "<vault><list><--account><1><--dry-run>",
  [`admin users list --${insertAll}`]: "<admin><users><list><--endpoint><--help><--json><--region>",
  [`--versi${tab}`]: "<--version>",
  [`upload list --jou${tab}`]: "<upload><list><--jou>",
  [`retrieve photos ID --tie${tab}B${tab}`]: "<retrieve><photos><ID><--tier><Bulk>",
  [`inventory photos --format=c${tab}`]: "<inventory><photos><--format=csv>",
  [`retrieval-policy set ${insertAll}`]: "<retrieval-policy><set><BytesPerHour><FreeTier><None>",
  [`notifications set photos arn:aws:sns:us-east-1::t --ev${tab}Inv${tab}`]:
    "<notifications><set><photos><arn:aws:sns:us-east-1::t><--event><InventoryRetrievalCompleted>",
  // Files where one is expected, and nowhere else.
  [`policy set photos pol${tab}`]: "<policy><set><photos><policy file.json>",
  [`policy set oth${tab}`]: "<policy><set><oth>",
  [`job output photos ID -o pol${tab}`]: "<job><output><photos><ID><-o><policy file.json>",
  [`upload photos --journal=sub/${tab} oth${tab}`]: "<upload><photos><--journal=sub/x.json><other.txt>",
  [`upload -- photos oth${tab}`]: "<upload><--><photos><other.txt>",
  [`treehash other.txt pol${tab} sub/${tab}`]: "<treehash><other.txt><policy file.json><sub/x.json>",
  [`admin policies put bob p pol${tab}`]: "<admin><policies><put><bob><p><policy file.json>",
  [`policy set photos:oth${tab}`]: "<policy><set><photos:oth>",
  [`vault create oth${tab}`]: "<vault><create><oth>",
};

test("bash completes commands, options, choices, and files where they are expected", async () => {
  assert.deepEqual(await ran(Object.keys(offered)), Object.values(offered));
});

test("the script is made from the commands that there are", async () => {
  const [, listed = ""] = /^Commands:\n([\s\S]*)$/m.exec(await here.done(["--help"])) ?? [];
  const commands = [...listed.matchAll(/^ {2}([a-z-]+) /gm)].map(([, name = ""]) => name);
  const expected = commands.slice(0, commands.indexOf("help")).toSorted();
  const [words = ""] = await ran([insertAll]);
  assert.deepEqual(
    words
      .slice(1, -1)
      .split("><")
      .filter((word) => !word.startsWith("-")),
    expected,
  );
  assert.ok(expected.length > 10);
});

test("other shells are refused", async () => {
  await here.refused(["completion", "csh"], 2, /Allowed choices are bash, zsh, fish/);
});
