import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, readdir, readFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { cruise, type ICruiseResult } from "dependency-cruiser";
import { lint, pack, type Tarball } from "../../packing/pack.ts";
import { cleanEnvironment, region, repositoryRoot, rootKey, startServer } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// What is published, as a stranger has it: packed, installed into an empty folder, and used there.

const run = promisify(execFile);
const consumers = join(import.meta.dirname, "packages");
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let tarballs: Tarball[];
/** Where all three are installed. */
let home: string;

before(async () => {
  folder = await temporaryFolder();
  tarballs = await pack(folder.path);
  home = join(folder.path, "home");
  await cp(consumers, home, { recursive: true });
  const quick = ["--prefer-offline", "--no-audit", "--no-fund"];
  await at(home, "npm", ["install", ...quick, ...tarballs.map(({ path }) => path)]);
});

after(() => folder[Symbol.asyncDispose]());

/** Runs a program where the packages are, with this Node and none of the repository's settings. */
async function at(cwd: string, command: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  const PATH = [dirname(process.execPath), process.env["PATH"]].join(delimiter);
  return run(command, args, { cwd, env: { ...cleanEnvironment(), PATH, ...environment } });
}

async function filesBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}

test("publint and attw say nothing against the packages", async () => {
  assert.deepEqual(
    tarballs.map(({ name }) => name),
    ["@moraine/protocol", "@moraine/client", "@moraine/cli"],
  );
  await Promise.all(tarballs.map(lint));
});

test("each package has its licence, a README and JavaScript, and leads to no source", async () => {
  for (const { name } of tarballs) {
    const place = join(home, "node_modules", name);
    const files = (await filesBelow(place)).map((file) => file.slice(place.length + 1));
    const others = files.filter((file) => !/^dist\/[\w/-]+\.(js|js\.map|d\.ts)$/.test(file));
    assert.deepEqual(new Set(others), new Set(["LICENSE", "README.md", "package.json"]), name);
    const { version, private: isPrivate, ...rest } = JSON.parse(await readFile(join(place, "package.json"), "utf8"));
    assert.equal(isPrivate, undefined);
    assert.equal(version, JSON.parse(await readFile(join(repositoryRoot, "package.json"), "utf8")).version);
    assert.doesNotMatch(JSON.stringify(rest), /@moraine\/source|src\/|\.ts"(?<!\.d\.ts")/);
  }
});

test("no code of the server and no driver of a database comes with them", async () => {
  const lock = JSON.parse(await readFile(join(home, "package-lock.json"), "utf8"));
  const installed = Object.keys(lock.packages).map((path) => path.replace(/^.*node_modules\//, ""));
  const server = JSON.parse(await readFile(join(repositoryRoot, "packages/server/package.json"), "utf8"));
  const client = JSON.parse(await readFile(join(repositoryRoot, "packages/client/package.json"), "utf8"));
  const serversOwn = Object.keys(server.dependencies).filter((name) => !(name in client.dependencies));
  assert.ok(serversOwn.includes("kysely"));
  const strangers = [server.name, ...serversOwn, "pg", "better-sqlite3", "sqlite3", "@aws-sdk/client-s3"];
  assert.deepEqual(
    strangers.filter((name) => installed.includes(name)),
    [],
  );
  const scope = join(home, "node_modules/@moraine");
  assert.deepEqual(new Set(await readdir(scope)), new Set(["cli", "client", "protocol"]));
  for (const file of (await filesBelow(scope)).filter((name) => name.endsWith(".js"))) {
    const text = await readFile(file, "utf8");
    assert.doesNotMatch(text, /@moraine\/server/, file);
    // The files of a server that is down are read with what Node has built in.
    assert.equal(/node:sqlite/.test(text), file.endsWith("cli/dist/offline/database.js"), file);
  }
});

test("the types of both entries hold, in Node and where there is only the DOM", async () => {
  const compiler = join(repositoryRoot, "node_modules/typescript/bin/tsc");
  for (const project of ["tsconfig.node.json", "tsconfig.browser.json"]) {
    const types = join(repositoryRoot, "node_modules/@types");
    const args = [compiler, "--project", project, "--typeRoots", types];
    await at(home, process.execPath, args).catch(({ stdout }) => assert.fail(`${project}: ${stdout}`));
  }
});

test("the command runs as it is installed, also under the repository's own condition", async () => {
  const { stdout } = await at(home, "npx", ["moraine", "--help"]);
  assert.match(stdout, /^Usage: moraine \[options\] \[command\]$/m);
  const command = join(home, "node_modules/.bin/moraine");
  assert.equal((await readFile(command, "utf8")).split("\n")[0], "#!/usr/bin/env node");
  const conditioned = await at(home, command, ["--help"], { NODE_OPTIONS: "--conditions=@moraine/source" });
  assert.equal(conditioned.stdout, stdout);
});

test("an archive goes to a server and comes back by the installed library, whatever conditions are set", async () => {
  await using server = await startServer({ dataFolder: join(folder.path, "data") });
  const environment = {
    AWS_ENDPOINT_URL_GLACIER: server.url,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: rootKey.accessKeyId,
    AWS_SECRET_ACCESS_KEY: rootKey.secretAccessKey,
  };
  await at(home, process.execPath, ["--conditions=@moraine/source", "round-trip.mjs"], environment);
});

test("the portable entry needs nothing of Node's, down to the last package", async () => {
  const before = process.cwd();
  process.chdir(home);
  try {
    const portable = await builtinsBelow("index.js");
    assert.deepEqual(portable, []);
    assert.ok((await builtinsBelow("node.js")).includes("worker_threads"));
  } finally {
    process.chdir(before);
  }
});

/** The built-in modules that an entry reaches where a bundler for browsers resolves it. */
async function builtinsBelow(entry: string): Promise<string[]> {
  const resolution = { conditionNames: ["browser", "import", "default"], mainFields: ["browser", "module", "main"] };
  const resolver = { ...resolution, aliasFields: ["browser"], exportsFields: ["exports"] };
  const { output } = await cruise([`node_modules/@moraine/client/dist/${entry}`], {}, resolver);
  const { modules } = output as ICruiseResult;
  // As many as that, or they were not followed beyond the package.
  assert.ok(modules.length > 100);
  return modules.filter(({ coreModule }) => coreModule).map(({ source }) => source);
}
