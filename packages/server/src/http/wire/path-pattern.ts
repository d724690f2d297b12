import { errors } from "@moraine/protocol";

/** `/{accountId}/vaults/{vaultName}` → its segments. */
export const segmentsOf = (path: string): readonly string[] => path.split("/").slice(1);

const isMember = (segment: string) => segment.startsWith("{");

/** Whether a path could be of this pattern; a field is never empty. */
export function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((expected, index) => (isMember(expected) ? segments[index] !== "" : expected === segments[index]))
  );
}

/** The fields of a path that matches. */
export function members(pattern: readonly string[], segments: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  pattern.forEach((expected, index) => {
    if (isMember(expected)) {
      found[expected.slice(1, -1)] = segments[index] ?? "";
    }
  });
  return found;
}

/** Each segment is decoded exactly once, after the split: what is authorized is what is used. Throws BadRequest. */
export function decodeSegments(path: string): string[] {
  return path
    .slice(1)
    .split("/")
    .map((segment) => {
      const decoded = decodeSegment(segment);
      if (decoded === "." || decoded === ".." || decoded.includes("\0")) {
        throw errors.badRequest(`The path has a segment that names nothing: ${path}`);
      }
      return decoded;
    });
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw errors.badRequest(`The path is not percent-encoded UTF-8: ${segment}`);
  }
}
