import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, readdir, readFile, realpath, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { cruise, type ICruiseResult } from "dependency-cruiser";
import { lint, pack, type Tarball } from "../../packing/pack.ts";
import {
  cleanEnvironment,
  region,
  repositoryRoot,
  rootKey,
  type ServerProcess,
  startServer,
} from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// The published packages as a user gets them: packed, installed into an empty folder, and used there.

const run = promisify(execFile);
const consumers = join(import.meta.dirname, "packages");
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let tarballs: Tarball[];
/** Where all of them are installed. */
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
    ["@moraine/protocol", "@moraine/client", "@moraine/server", "@moraine/cli"],
  );
  await Promise.all(tarballs.map(lint));
});

test("each package has its licence, a README and JavaScript, and leads to no source", async () => {
  for (const { name } of tarballs) {
    const place = join(home, "node_modules", name);
    const files = (await filesBelow(place)).map((file) => file.slice(place.length + 1));
    const isBundled = files.includes("dist/THIRD-PARTY-LICENSES.txt");
    const code = isBundled ? /^dist\/([\w-]+\.js|THIRD-PARTY-LICENSES\.txt)$/ : /^dist\/[\w/-]+\.(js|js\.map|d\.ts)$/;
    const others = files.filter((file) => !code.test(file));
    assert.deepEqual(new Set(others), new Set(["LICENSE", "README.md", "package.json"]), name);
    assert.equal(isBundled, /\/(cli|server)$/.test(name));
    const {
      version,
      private: isPrivate,
      scripts,
      ...rest
    } = JSON.parse(await readFile(join(place, "package.json"), "utf8"));
    assert.deepEqual([isPrivate, scripts], [undefined, undefined]);
    assert.equal(version, JSON.parse(await readFile(join(repositoryRoot, "package.json"), "utf8")).version);
    assert.doesNotMatch(JSON.stringify(rest), /@moraine\/source|src\/|\.ts"(?<!\.d\.ts")/);
  }
});

test("an installation runs no script and brings neither AWS's SDK nor what the bundles hold", async () => {
  const lock = JSON.parse(await readFile(join(home, "package-lock.json"), "utf8"));
  const installed = Object.entries<{ hasInstallScript?: true }>(lock.packages).filter(([path]) => path !== "");
  assert.deepEqual(
    installed.filter(([, { hasInstallScript }]) => hasInstallScript),
    [],
  );
  // The library's dependencies, to sign and to read AWS's files; the command and the server need none.
  const names = installed.map(([path]) => path.replace(/^.*node_modules\//, ""));
  assert.deepEqual(
    names.filter((name) => !/^@(moraine|smithy)\/|^tslib$|^@aws-crypto\//.test(name)),
    [],
  );
  for (const name of ["cli", "server"]) {
    const manifest = JSON.parse(await readFile(join(home, "node_modules/@moraine", name, "package.json"), "utf8"));
    assert.deepEqual(Object.keys(manifest.dependencies), name === "cli" ? ["@moraine/server"] : []);
  }
});

test("the licence of each bundled package comes with the bundle", async () => {
  for (const [name, some] of [
    ["cli", ["commander", "cli-progress", "@smithy/signature-v4"]],
    ["server", ["kysely", "pino", "prom-client", "undici", "zod"]],
  ] as const) {
    const text = await readFile(join(home, "node_modules/@moraine", name, "dist/THIRD-PARTY-LICENSES.txt"), "utf8");
    for (const bundled of some) {
      assert.match(text, new RegExp(`^={80}\n${bundled} [0-9.]+\n\n[^=]*(MIT|Apache|Copyright)`, "m"));
    }
  }
});

test("the library has no code of the server, and no database", async () => {
  for (const name of ["client", "protocol"]) {
    for (const file of (await filesBelow(join(home, "node_modules/@moraine", name))).filter((one) =>
      one.endsWith(".js"),
    )) {
      assert.doesNotMatch(await readFile(file, "utf8"), /@moraine\/server|node:sqlite/, file);
    }
  }
});

test("the types of both entries hold, in Node by each of its resolutions, and where there is only the DOM", async () => {
  const compiler = join(repositoryRoot, "node_modules/typescript/bin/tsc");
  for (const project of ["node", "node16", "commonjs", "browser"].map((name) => `tsconfig.${name}.json`)) {
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

test("the library can be required by CommonJS", async () => {
  const script = 'process.stdout.write(typeof require("@moraine/client/node").createClient)';
  assert.equal((await at(home, process.execPath, ["--input-type=commonjs", "-e", script])).stdout, "function");
});

test("a short command reads few files, none of them outside of its package", async () => {
  const counter = `import { registerHooks } from "node:module";
    const files = [];
    registerHooks({ load: (url, context, next) => { if (url.startsWith("file:")) files.push(url); return next(url, context); } });
    process.on("exit", () => process.stderr.write(JSON.stringify(files)));`;
  const command = await realpath(join(home, "node_modules/@moraine/cli/dist/main.js"));
  for (const [args, filesMax] of [
    [["--version"], 30],
    [["vault", "list", "--help"], 30],
  ] as const) {
    const hooked = ["--import", `data:text/javascript,${encodeURIComponent(counter)}`, command, ...args];
    const files: string[] = JSON.parse((await at(home, process.execPath, hooked)).stderr);
    assert.ok(files.length > 1 && files.length <= filesMax, `${args.join(" ")}: ${files.length} files`);
    const folderUrl = `${pathToFileURL(dirname(command))}/`;
    assert.deepEqual(
      files.filter((url) => !url.startsWith(folderUrl)),
      [],
    );
  }
});

test("moraine serve lists its flags, prints its version, and refuses what it does not know", async () => {
  const { stdout } = await at(home, "npx", ["moraine", "serve", "--help"]);
  assert.match(stdout, /^moraine serve \[FLAGS\]/);
  assert.equal((await at(home, "npx", ["moraine", "help", "serve"])).stdout, stdout);
  assert.match((await at(home, "npx", ["moraine", "--help"])).stdout, /^ {2}serve +/m);
  const versions = await Promise.all(
    [["--version"], ["serve", "--version"]].map((args) => at(home, "npx", ["moraine", ...args])),
  );
  assert.equal(versions[0]?.stdout, versions[1]?.stdout);
  assert.match(versions[0]?.stdout ?? "", /^\d+\.\d+\.\d+\n$/);
  await assert.rejects(at(home, "npx", ["moraine", "serve", "--no-such-flag"]), { code: 2 });
  await assert.rejects(at(home, "npx", ["moraine", "--quiet", "serve"]), {
    code: 2,
    stderr: /moraine serve \[FLAGS\]/,
  });
});

test("moraine verify lists its flags, and exits with 2 when there is nothing to check", async () => {
  const { stdout } = await at(home, "npx", ["moraine", "verify", "--help"]);
  assert.match(stdout, /^moraine verify \[FLAGS\]/);
  assert.equal((await at(home, "npx", ["moraine", "help", "verify"])).stdout, stdout);
  await assert.rejects(at(home, "npx", ["moraine", "verify", "--data", home]), { code: 2, stdout: "" });
});

test("moraine backup and moraine restore list their flags, and work as packed", async () => {
  for (const name of ["backup", "restore"]) {
    const { stdout } = await at(home, "npx", ["moraine", name, "--help"]);
    assert.match(stdout, new RegExp(`^moraine ${name} [A-Z]+ `));
    assert.equal((await at(home, "npx", ["moraine", "help", name])).stdout, stdout);
  }
  const data = join(folder.path, "backed-up");
  await using server = await startInstalled(data);
  const target = join(folder.path, "backups");
  const { stdout } = await at(home, "npx", ["moraine", "backup", target, "--data", data, "--json"]);
  assert.match(JSON.parse(stdout).version, /^\d+\.\d+\.\d+$/);
  const restored = await at(home, "npx", ["moraine", "restore", target, join(folder.path, "restored")]);
  assert.match(restored.stdout, /^no damage found$/m);
  assert.ok(server.pid > 0);
});

test("moraine serve is replaced by the server, with the settings of npm start", async () => {
  await using server = await startInstalled(join(folder.path, "served"));
  const { scripts } = JSON.parse(await readFile(join(repositoryRoot, "package.json"), "utf8"));
  const words: string[] = scripts.start.split(" ");
  const flags = words.filter((word) => /^--(?!conditions)/.test(word));
  const variables = words.filter((word) => /^\w+=/.test(word) && !word.startsWith("NODE_COMPILE_CACHE="));
  assert.ok(flags.length > 2 && variables.length > 2);
  const commandLine = (await readFile(`/proc/${server.pid}/cmdline`, "utf8")).split("\0");
  assert.deepEqual(commandLine.slice(1, 1 + flags.length), flags);
  const environment = (await readFile(`/proc/${server.pid}/environ`, "utf8")).split("\0");
  assert.deepEqual(
    variables.filter((variable) => !environment.includes(variable)),
    [],
  );
  await server.stop();
});

test("an archive goes to an installed server and comes back by the installed library, whatever conditions are set", async () => {
  await using server = await startInstalled(join(folder.path, "data"));
  const environment = {
    AWS_ENDPOINT_URL_GLACIER: server.url,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: rootKey.accessKeyId,
    AWS_SECRET_ACCESS_KEY: rootKey.secretAccessKey,
  };
  await at(home, process.execPath, ["--conditions=@moraine/source", "round-trip.mjs"], environment);
});

test("keys in AWS's files need no package more, and without any the error names the one that finds others", async () => {
  await using server = await startInstalled(join(folder.path, "keys"));
  const command = join(home, "node_modules/.bin/moraine");
  const environment = { AWS_ENDPOINT_URL_GLACIER: server.url, AWS_REGION: region, HOME: folder.path };
  await assert.rejects(at(home, command, ["vault", "list"], environment), {
    stderr: /npm install @aws-sdk\/credential-provider-node/,
  });
  await mkdir(join(folder.path, ".aws"));
  const keys = `aws_access_key_id=${rootKey.accessKeyId}\naws_secret_access_key=${rootKey.secretAccessKey}\n`;
  await writeFile(join(folder.path, ".aws/credentials"), `[default]\n${keys}`);
  assert.match((await at(home, command, ["vault", "list", "--json"], environment)).stdout, /^\[\]|^\{/);
});

test("--sns-endpoint is refused where its package is not installed", async () => {
  const args = [
    "serve",
    "--data",
    join(folder.path, "sns"),
    "--listen",
    "127.0.0.1:0",
    "--sns-endpoint",
    "http://127.0.0.1:1",
  ];
  await assert.rejects(at(home, join(home, "node_modules/.bin/moraine"), args), {
    code: 1,
    stderr: /^moraine: --sns-endpoint needs the package @aws-sdk\/client-sns/m,
  });
});

/** The server that came with the command. */
function startInstalled(dataFolder: string): Promise<ServerProcess> {
  return startServer({
    dataFolder,
    command: { args: [join(home, "node_modules/.bin/moraine"), "serve"], environment: {} },
  });
}

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
