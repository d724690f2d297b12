import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type AdminOperation, adminOperations } from "@moraine/protocol";

test("docs/admin-api.md has a row for each operation, with its path, query, scope and status", () => {
  const page = readFileSync("docs/admin-api.md", "utf8");
  const rows = [...page.matchAll(/^\| `[A-Z]+ \/admin.*\|$/gm)].map(([row]) =>
    row
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
  const documented = rows.map(([request = "", name, scope, status, body, response = ""]) => {
    const [, method, path, query = ""] = /^`([A-Z]+) (\S+)`(?: \((.*)\))?$/.exec(request) ?? [];
    return {
      name,
      request: [method, path, query.replaceAll("`", ""), scope, status],
      hasBody: body !== "",
      hasResponse: response !== "" && !response.startsWith("needs"),
    };
  });
  const served = Object.entries<AdminOperation>(adminOperations).map(([name, operation]) => ({
    name,
    request: [
      operation.method,
      operation.path,
      (operation.query ?? []).filter((member) => !["limit", "marker"].includes(member)).join(", "),
      operation.scope,
      String(operation.status),
    ],
    hasBody: operation.request === "json",
    hasResponse: operation.response === "json",
  }));
  const byName = (one: { name?: string | undefined }, other: { name?: string | undefined }) =>
    String(one.name).localeCompare(String(other.name));
  assert.deepEqual(documented.toSorted(byName), served.toSorted(byName));
});
