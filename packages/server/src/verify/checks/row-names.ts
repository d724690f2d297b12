import type { Finding } from "../finding.ts";

/** Finding of a segment's row whose name is no packed key: it names no file. */
export function unreadableName(name: unknown): Finding {
  const text = name instanceof Uint8Array ? Buffer.from(name).toString("hex").toUpperCase() : String(name);
  return { code: "row-damaged", message: `a segment's name cannot be read: ${text}` };
}
