import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { test } from "node:test";
import { limits, type OperationName, operations } from "@moraine/protocol";
import { sentencesOf } from "./support/sentences.ts";

/** Rules that no tool checks for us. Each names the file that breaks it. */
const tracked = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { encoding: "utf8" })
  .split("\n")
  .filter((file) => file !== "");
const text = (file: string): string => readFileSync(file, "utf8");
const sources = tracked.filter((file) => /^packages\/[^/]+\/src\/.*\.ts$/.test(file));

/** Files in which people write sentences: code and pages, without the notes of changes. */
const written = tracked.filter(
  (file) => /\.(ts|mjs|cjs|md|py|rb|go|c|sh)$/.test(file) && !/^changes\/|tidy\.test\.ts$/.test(file),
);

const ofStorage = sources.filter((file) => file.includes("/storage/metadata/"));

function filesThatSay(pattern: RegExp, allowed: readonly string[]): string[] {
  return sources.filter((file) => pattern.test(text(file)) && !allowed.some((end) => file.endsWith(end)));
}

test("every operation has a whole row in the compatibility page: served, enforced, different, confirmed", () => {
  const [, table = ""] = text("docs/compatibility.md").split("## Operations");
  const rows = [...(table.split("\n## ")[0]?.matchAll(/^\| ([A-Z]\w+) \| (.*) \|$/gm) ?? [])];
  assert.deepEqual(new Set(rows.map(([, name]) => name)), new Set(Object.keys(operations)));
  assert.equal(rows.length, 33);
  for (const [row, , cells = ""] of rows) {
    const [served, enforced, differences, confirmed, ...more] = cells.split(" | ");
    assert.equal(served, "yes", row);
    assert.ok(enforced && differences && more.length === 0, row);
    // After the sources of the whole, perhaps those of a part.
    assert.match(confirmed ?? "", /^[GMRI](, [GMR])*(; [\w' ]*I)?$/, row);
    assert.equal(
      /own account only/.test(enforced),
      operations[row.split(" ")[1] as OperationName].account === "own",
      row,
    );
  }
});

test("every family of operations has its twin in the protocol, and a test", () => {
  const families = [
    "vaults",
    "archives",
    "multipart-uploads",
    "jobs",
    "vault-notifications",
    "vault-access-policy",
    "vault-lock",
    "vault-tags",
    "data-retrieval-policy",
    "provisioned-capacity",
  ];
  for (const family of families) {
    assert.ok(tracked.includes(`packages/protocol/src/operations/${family}.ts`), family);
    assert.ok(tracked.includes(`packages/server/src/operations/${family}.ts`), family);
    assert.ok(tracked.includes(`packages/server/test/operations/${family}.test.ts`), family);
  }
});

test("compose/ builds the drivers, each in one file, verify/ and backup/ readers of segments, repair/ and copy/ their own; compose.ts joins them and builds none", () => {
  const builders: ReadonlyArray<[RegExp, string]> = [
    [/\bnew \w+BlobStore\(|(?<!function )\b(openSqliteStore|openDataFolder)\(/, "stores.ts"],
    [/\bnew SealedCredentialStore\(/, "access.ts"],
    [/\bnew (HashPool|BlockPool)\(/, "transfers.ts"],
    [/(?<!function )\b(webhookNotifier|snsNotifier|routedNotifier)\(/, "background.ts"],
    [/(?<!function )\bcreate(Operator)?Listener\(/, "listener.ts"],
  ];
  for (const [builder, file] of builders) {
    assert.deepEqual(
      filesThatSay(builder, [
        "verify/segment-store.ts",
        "verify/bucket/open-bucket-place.ts",
        "backup/segment-files.ts",
        "repair/apply/drivers.ts",
        "copy/drivers.ts",
      ]),
      [`packages/server/src/compose/${file}`],
    );
  }
});

test("the system's clock is read by the server's clocks.ts, the client's service-clock.ts, and for ages by its lock-file.ts and upload-journal.ts and the command's audit.ts, build-tools.ts and log-file.ts", () => {
  const own = [
    "cli/src/admin/audit.ts",
    "cli/src/context/build-tools.ts",
    "cli/src/context/log-file.ts",
    "server/src/clock/clocks.ts",
    "client/src/http/service-clock.ts",
    "client/src/transfers/journal/lock-file.ts",
    "client/src/transfers/upload/upload-journal.ts",
  ];
  assert.deepEqual(filesThatSay(/\bDate\.now\(\)|\bnew Date\(\)/, own), []);
});

test("the server and the protocol count minutes, hours and days by durations.ts", () => {
  const written = filesThatSay(/\b60 \* (60|1000)\b|\b24 \* 3600\b|\b86_?400|\b60_000\b/, [
    "protocol/src/durations.ts",
  ]);
  assert.deepEqual(
    written.filter((file) => /^packages\/(server|protocol)\//.test(file)),
    [],
  );
});

test("the environment is read in each main.ts and in the client's node.ts, and passed on", () => {
  const own = [
    "server/src/main.ts",
    "server/src/verify/main.ts",
    "server/src/backup/main.ts",
    "server/src/repair/main.ts",
    "server/src/copy/main.ts",
    "cli/src/main.ts",
    "client/src/node.ts",
  ];
  assert.deepEqual(filesThatSay(/\bprocess\.env\b/, own), []);
});

test("only the blob store of the file system removes files of the data folder, secret-file.ts and repair/ their own drafts, temporary-folder.ts what it made, copy-mark.ts its mark, and backup/removal.ts copies", () => {
  const remover = /\bunlink\b|\brm\(|\brmdir\b/;
  // Client and command have no data folder: they remove what they made next to a target, and journals of uploads.
  const own = tracked.filter((file) =>
    /storage\/(blobs\/|data-folder\.ts|copy-mark\.ts)|secrets\/secret-file\.ts|backup\/removal\.ts|repair\/apply\/drivers\.ts|server\/src\/files\/temporary-folder\.ts|client\/src\/transfers\/|cli\/src\/(transfers\/upload-state|manifest\/check\/(check-journal|location-lists))\.ts|cli\/src\/targets\//.test(
      file,
    ),
  );
  assert.deepEqual(filesThatSay(remover, own), []);
});

test("all statements that change or remove archives, segments and vaults are known by name", () => {
  const statement =
    /^(?:export )?(?:const|function|async function) (\w+)|(?:\.(deleteFrom|updateTable)|= (changing|removal))\(\s*"(archives|segments|vaults)"|= (changingVault)\(/gm;
  const found = ofStorage.flatMap((file) => {
    let name = "";
    return [...text(file).matchAll(statement)].flatMap(([, declared, query, sealed, named, ofVault]) => {
      name = declared ?? name;
      const [verb, table] = ofVault === undefined ? [query ?? sealed, named] : ["changing", "vaults"];
      return verb === undefined
        ? []
        : [`${basename(file)}: ${name} ${/^(deleteFrom|removal)$/.test(verb) ? "deletes" : "updates"} ${table}`];
    });
  });
  // Each of these was tried on a locked vault (packages/server/test/worm): one that is added must be, too.
  assert.deepEqual(found.sort(), [
    "archives.ts: markDeleted updates archives",
    "contents.ts: deleteArchives deletes archives",
    "correct-counters.ts: correctCounters updates vaults",
    "deleted-archives.ts: removeArchive deletes archives",
    "deleted-archives.ts: unlist updates archives",
    "segments.ts: forget deletes segments",
    "segments.ts: letGo updates segments",
    "segments.ts: releasePending updates segments",
    "segments.ts: renew updates segments",
    "segments.ts: replace updates segments",
    "segments.ts: setDead updates segments",
    "segments.ts: setRetired updates segments",
    "segments.ts: setState updates segments",
    "segments.ts: updatePending updates segments",
    // In the target of a copy, which no server accepts yet, as the removal of any row of it.
    "table-rows.ts: clearPlace updates segments",
    "vault-contents.ts: changeContents updates vaults",
    "vault-settings.ts: updateAccessPolicy updates vaults",
    "vault-settings.ts: updateLock updates vaults",
    "vault-settings.ts: updateNotifications updates vaults",
    "vault-settings.ts: updateTags updates vaults",
    "vaults.ts: setInventory updates vaults",
    "written-vault.ts: changingVault updates vaults",
    "written-vault.ts: deleteRow deletes vaults",
    "written-vault.ts: deleteRows deletes vaults",
  ]);
});

test("signatures and tokens are compared in constant time, and in two files alone", () => {
  const own = ["auth/signature.ts", "auth/new-credentials.ts"];
  for (const file of own) {
    assert.match(text(`packages/server/src/${file}`), /return timingSafeEqual\(/, file);
  }
  assert.deepEqual(
    filesThatSay(
      /(signature|[tT]okenHash|secretAccessKey)\s*[!=]==(?!\s*(?:undefined|null|""))|[!=]==\s*\w*\.?(signature|tokenHash)\b/,
      own,
    ),
    [],
  );
});

test("only storage/metadata changes rows, and never by a text of SQL", () => {
  assert.deepEqual(filesThatSay(/\b(deleteFrom|updateTable|insertInto|replaceInto)\(/, ofStorage), []);
  // The query builder has no triggers, the statements that seal rows also serve tests on a bare connection, and a list of unknown files is no
  // part of the data.
  // PostgreSQL's driver has its own tables, of nodes and their turns, which no query is shared with. The command's catalogue is a file of its own.
  const texts = [
    ...["/migrations/0012-job-turns.ts", "/migrations/0015-row-macs.ts", "repair/plan/segment-index.ts"],
    "/migrations/postgres/0001-initial.ts",
    ...[
      "/archives/archive-writer.ts",
      "/tables/copy-table.ts",
      "/fact-table.ts",
      "/tables/job-table.ts",
      "/migrations.ts",
      "/tables/pending-requests.ts",
      "/schema.ts",
      "/tables/unpaid-transfers.ts",
      "/tables/upload-table.ts",
    ].map((name) => `cli/src/catalog${name}`),
    ...["/copy-mark-row.ts", "/node-rows.ts", "/postgres-batch.ts", "/postgres-writer.ts"].map(
      (name) => `/metadata/postgres${name}`,
    ),
  ];
  assert.deepEqual(filesThatSay(/\b(delete from|update \w+ set|drop table|truncate table)\b/i, texts), []);
});

test("no folder of sources has more than 20 files", () => {
  const counts = Map.groupBy(sources, dirname);
  assert.deepEqual(
    [...counts].filter(([, files]) => files.length > 20).map(([folder]) => folder),
    [],
  );
});

test("no file has a note to ourselves, or weighs more than 200 kB", () => {
  const note = new RegExp(`\\b(${["FIX", "ME"].join("")}|${["TO", "DO"].join("")})\\b`);
  const files = tracked.filter((file) => !["package-lock.json", "LICENSE"].includes(file));
  assert.deepEqual(
    files.filter((file) => statSync(file).size > 200_000),
    [],
  );
  assert.deepEqual(
    files.filter((file) => note.test(text(file))),
    [],
  );
});

test("every note of a change begins as the template says", () => {
  const notes = tracked.filter((file) => /^changes\/\d{4}-.*\.md$/.test(file));
  assert.notEqual(notes.length, 0);
  for (const file of notes) {
    assert.match(text(file), /^(New|Change|Fix|Security): [^\n]+\n\n[^\n]/, basename(file));
  }
});

test("every decision begins with its status and date", () => {
  const decisions = tracked.filter((file) => /^docs\/decisions\/\d{4}-.*\.md$/.test(file));
  assert.deepEqual(
    decisions.filter((file) => !/^# \d{4} [^\n]+\n\n\*\*Status:\*\* \w[^\n]*, \d{4}-\d\d-\d\d\n\n/.test(text(file))),
    [],
  );
});

test("no lock file names the host of a registry", () => {
  assert.doesNotMatch(text("package-lock.json"), /"resolved": "https?:/);
});

test("packages without ES modules are loaded by their default export: in a bundle they have no other", () => {
  const named = /const \{ (?!default\b)[^}]*\} = await import\("((?:@[\w-]+\/)?[\w-]+)/g;
  const found = tracked
    .filter((file) => /^packages\/\w+\/src\/.*\.ts$/.test(file))
    .flatMap((file) => [...text(file).matchAll(named)].map(([, name = ""]) => name))
    .filter((name) => name !== "node" && !name.startsWith("@moraine/"));
  const isCommon = (name: string) => {
    const { module, type, exports } = JSON.parse(text(`node_modules/${name}/package.json`));
    return module === undefined && type !== "module" && !/"(import|module)"/.test(JSON.stringify(exports ?? {}));
  };
  assert.notDeepEqual(found, []);
  assert.deepEqual(found.filter(isCommon), []);
});

test("the picture in ARCHITECTURE.md is what the imports are", () => {
  const picture = execFileSync(
    process.execPath,
    [
      "node_modules/.bin/depcruise",
      "packages/server/src",
      "--include-only=^packages/server/src",
      "--output-type=mermaid",
      "--collapse=^packages/server/src/[a-z-]+",
    ],
    { encoding: "utf8" },
  );
  const drawn = /```mermaid\n(.*?)```/s.exec(text("docs/ARCHITECTURE.md"))?.[1];
  assert.equal(drawn?.trim(), picture.trim());
});

test("comments and docs refer only to files and headings that exist, and to no document by a number alone", () => {
  const pages = tracked.filter((file) => /^docs\/.*\.md$/.test(file));
  const headings = new Map(pages.map((file) => [file, headingsOf(text(file))]));
  const decisions = new Set(pages.map((file) => /^docs\/decisions\/\d{4}/.exec(file)?.[0]));
  const exists = (page: string, heading: string | undefined) =>
    heading === undefined ? headings.has(page) : headings.get(page)?.has(heading) === true;
  const brokenIn = (file: string) => [
    ...[...text(file).matchAll(/\b(docs\/[\w/-]+\.md)(?:#([\w-]+))?/g)]
      .filter(([, page = "", heading]) => !exists(page, heading))
      .map(([reference]) => reference),
    ...[...text(file).matchAll(/docs\/decisions\/\d{4}\b(?!-)/g)].map(String).filter((name) => !decisions.has(name)),
    // Drafts with such numbers were never part of the repository.
    ...(text(file).match(/\b(contract|durability) (S?[0-9]|§)|\((contract|durability)\b|§ ?[0-9]/gi) ?? []),
  ];
  assert.deepEqual(
    written.flatMap((file) => brokenIn(file).map((reference) => `${file}: ${reference}`)),
    [],
  );
});

test("each limit of the API is read by somebody", () => {
  const readers = sources.filter((file) => !file.endsWith("/limits.ts")).map(text);
  const unread = Object.keys(limits).filter((name) => !readers.some((reader) => reader.includes(`limits.${name}`)));
  // The rules of limits.ts itself read these.
  assert.deepEqual(unread, ["descriptionLengthMax", "partSizeBytesMax"]);
});

/** GitHub's anchors: lower case, without punctuation, a hyphen for each space. */
function headingsOf(markdown: string): ReadonlySet<string> {
  const headings = [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, "")
        .replaceAll(" ", "-"),
    ),
  );
}

test("comments and test names begin with their subject or a verb", () => {
  assertPlain(/^(What|Who|Whoever|Whatever|Whose|Whom|Of|So|With)\b/i);
});

// Resume or continue, is notified or reports, started, again, is interrupted, for N ms, at most, corrupt, next to, field.
const unwantedWords =
  /\b((go|goes|going|gone) on|told|tells? of|begun|anew|(break|breaks|breaking|broken) off|so (long|many)|at the most|falsif\w*|beside|members?)\b/i;

test("comments and test names use the field's words", () => {
  assertPlain(unwantedWords);
});

test("pages use the field's words", () => {
  const pages = written.filter((file) => file.endsWith(".md"));
  assert.ok(pages.length > 50);
  const linesOf = (file: string) =>
    text(file)
      .split("\n")
      .map((line) => ({ file, line: line.replace(/`[^`]*`/g, "") }));
  assert.deepEqual(
    pages.flatMap(linesOf).filter(({ line }) => unwantedWords.test(line)),
    [],
  );
});

function assertPlain(unwanted: RegExp): void {
  const found = written
    .filter((file) => !file.endsWith(".md"))
    .flatMap((file) => sentencesOf(file, text(file)).map((sentence) => ({ file, sentence })))
    .filter(({ sentence }) => unwanted.test(sentence));
  assert.deepEqual(found, []);
}

test("users are sent to our packages alone: the name moraine without a scope belongs to somebody else", () => {
  const told = tracked.filter((file) => /\.(md|ts)$/.test(file) && !/^changes\/|tidy\.test\.ts$/.test(file));
  assert.deepEqual(
    told.filter((file) =>
      /npx (-y |--yes )?moraine\b|npmjs\.com\/package\/moraine\b|npm install (-g |--global )?moraine\b/.test(
        text(file),
      ),
    ),
    [],
  );
});

test("the program of each thread is an entry of its package's bundle, or the packed one would not find it", () => {
  const threads = sources.filter((file) => file.endsWith("-worker.ts")).map((file) => file.split("/src/")[1] ?? "");
  assert.ok(threads.length > 2);
  const bundles = text("packing/bundle.ts");
  assert.deepEqual(
    threads.filter((file) => !bundles.includes(`src/${file}"`)),
    [],
  );
});
