import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

// docs/security.md names tests: a test that is renamed or removed must not leave a promise behind.

const page = readFileSync("docs/security.md", "utf8");
/** `npm test` and `npm run test:system`, which `.ci/run` runs. */
const isRun = /^(packages\/[^/]+\/test\/.*|test\/[^/]+|test\/(system|clients)\/.*)\.test\.ts$/;

interface Control {
  readonly id: string;
  readonly text: string;
  readonly tests: ReadonlyArray<{ readonly file: string; readonly name: string }>;
}

const controls: readonly Control[] = page
  .split(/^### /m)
  .slice(1)
  .map((text) => ({
    id: text.split(" ", 1)[0] ?? "",
    text,
    tests: [...text.matchAll(/^- `([^`]+)`: (.+)$/gm)].map(([, file = "", name = ""]) => ({ file, name })),
  }));

/** Names as a file writes them; what a template inserts, and `…` on the page, stand for anything. */
function namesIn(source: string): readonly string[] {
  const quoted = [...source.matchAll(/"((?:\\.|[^"\\\n])*)"/g)].map(([, name = ""]) => name.replace(/\\(.)/g, "$1"));
  const templates = [...source.matchAll(/\b(?:test|describe)\(\s*`((?:\\.|[^\\`]|`(?=[^`\n]*`[^`\n]*\}))*)`/g)].map(
    ([, name = ""]) => name.replace(/\$\{[^}]*\}/g, "…"),
  );
  return [...quoted, ...templates];
}

function isNamed(name: string, source: string): boolean {
  return namesIn(source).some((known) => (known.includes("…") ? matches(known, name) : known === name));
}

function matches(template: string, name: string): boolean {
  const pattern = template
    .split("…")
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join(".+");
  return new RegExp(`^${pattern}$`).test(name);
}

test("every control has tests that exist, or says why it has none", () => {
  assert.deepEqual(
    controls.map(({ id }) => id),
    Array.from({ length: 30 }, (_, index) => `S${index + 1}`),
  );
  for (const { id, text, tests } of controls) {
    assert.ok(tests.length > 0 || /^Not (applicable|yet): /m.test(text), `${id} has no test, and no reason for it`);
    for (const { file, name } of tests) {
      assert.match(file, isRun, `${id}: nothing runs ${file}`);
      assert.ok(existsSync(file), `${id}: ${file} does not exist`);
      assert.ok(isNamed(name, readFileSync(file, "utf8")), `${id}: ${file} has no test "${name}"`);
    }
  }
});

test("the name of a test that does not exist is noticed", () => {
  const insert = (name: string) => `\${${name}}`;
  const source = `test("a lock holds", () => {});\n  test(\`${insert("x")} is refused by ${insert("y")}\`, () => {});`;
  for (const name of ["a lock holds", "… is refused by …", "reading is refused by the server"]) {
    assert.ok(isNamed(name, source), name);
  }
  for (const name of ["a lock", "a lock holds on", "… holds", "…", "is refused", "a lock …"]) {
    assert.ok(!isNamed(name, source), name);
  }
});
