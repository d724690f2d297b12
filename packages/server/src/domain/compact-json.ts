import { exactNumber } from "@moraine/protocol";

/** Writes JSON without spaces, with keys in alphabetical order, as AWS's own bodies and messages are: docs/wire.md#json */
export function compactJson(value: unknown): string {
  return JSON.stringify(value, asAws);
}

function asAws(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") {
    return exactNumber(value);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return value;
  }
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
