import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Shell, ShellHere } from "../support/command.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// The completion scripts in zsh and fish; bash, which every machine has, is tested in cli-completion.test.ts.

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let shell: Shell;
before(async () => {
  folder = await temporaryFolder();
  shell = new Shell(folder.path, {});
  await mkdir(join(folder.path, "sub"));
  for (const name of ["policy file.json", "other.txt", "sub/x.json"]) {
    await writeFile(join(folder.path, name), "");
  }
  const here = new ShellHere(folder.path);
  for (const name of ["zsh", "fish"]) {
    await writeFile(join(folder.path, `moraine.${name}`), await here.done(["completion", name]));
  }
});
after(() => folder[Symbol.asyncDispose]());

test("fish completes commands, options, choices, and files where they are expected", async () => {
  const offered: Readonly<Record<string, readonly string[]>> = {
    "moraine vault ": ["create", "delete", "describe", "empty", "list"],
    "moraine --endpoint http://127.0.0.1:8484 lo": ["lock"],
    "moraine admin users list --r": ["--region"],
    "moraine lock complete photos ID --": [
      ...["--account", "--ca", "--dry-run", "--endpoint", "--help", "--json", "--log-file"],
      ...["--profile", "--quiet", "--region", "--retry-for", "--timeout", "--verbose", "--yes"],
    ],
    "moraine retrieve photos ID --tier=": ["--tier=Bulk", "--tier=Expedited", "--tier=Standard"],
    "moraine retrieval-policy set F": ["FreeTier"],
    "moraine policy set photos pol": ["policy file.json"],
    "moraine policy set oth": [],
    "moraine job output --output=sub/": ["--output=sub/x.json"],
    "moraine treehash other.txt pol": ["policy file.json"],
    "moraine upload -- photos oth": ["other.txt"],
    "moraine nonsense ": [],
  };
  const lines = Object.keys(offered).flatMap((line) => [`echo '= ${line}'`, `complete --do-complete '${line}'`]);
  await writeFile(join(folder.path, "lines.fish"), ["source moraine.fish", ...lines].join("\n"));
  const { code, stdout, stderr } = await shell.run([], { command: ["fish", "--no-config", "lines.fish"] });
  assert.deepEqual([code, stderr], [0, ""]);
  const answers = stdout
    .split(/^= /m)
    .slice(1)
    .map((answer) => answer.trimEnd().split("\n"));
  const words = answers.map(([line = "", ...found]) => [line, found.map((one) => one.split("\t")[0])]);
  assert.deepEqual(
    words.map(([line]) => String(line).trimEnd()),
    Object.keys(offered).map((line) => line.trimEnd()),
  );
  assert.deepEqual(
    words.map(([, found]) => found),
    Object.values(offered),
  );
});

test("zsh completes commands, options, choices, and files where they are expected", async () => {
  const offered: Readonly<Record<string, string>> = {
    "va\tcr\toth\t": "<vault><create><oth>",
    "--endpoint http://127.0.0.1:8484 lo\tco\t": "<--endpoint><http://127.0.0.1:8484><lock><complete>",
    "admin users list --r\t": "<admin><users><list><--region>",
    "retrieve photos ID --tie\tB\t": "<retrieve><photos><ID><--tier><Bulk>",
    "inventory photos --format=c\t": "<inventory><photos><--format=csv>",
    "retrieval-policy set F\t": "<retrieval-policy><set><FreeTier>",
    "policy set photos pol\t": "<policy><set><photos><policy file.json>",
    "job output --output=sub/\t": "<job><output><--output=sub/x.json>",
    "treehash other.txt pol\t": "<treehash><other.txt><policy file.json>",
    "upload -- photos oth\t": "<upload><--><photos><other.txt>",
  };
  await writeFile(
    join(folder.path, ".zshrc"),
    `PS1= PS2= LISTMAX=1000
setopt no_beep no_prompt_cr no_prompt_sp
unset zle_bracketed_paste
autoload -Uz compinit && compinit -u -D
source ./moraine.zsh
moraine() { print -r -- $'\\n'RAN"<\${(j:><:)@}>" }`,
  );
  const { stdout } = await shell.run([], {
    command: ["script", "-qec", "exec zsh -i --no-global-rcs", "/dev/null"],
    environment: { TERM: "dumb", ZDOTDIR: folder.path },
    input: `${Object.keys(offered)
      .map((line) => `moraine ${line}\n`)
      .join("")}exit\n`,
  });
  const ran = [...stdout.matchAll(/^RAN(.*?)\r?$/gm)].map(([, words]) => words);
  assert.deepEqual(ran, Object.values(offered), stdout);
});
