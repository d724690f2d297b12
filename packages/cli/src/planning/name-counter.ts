import type { CatalogArchive } from "../catalog/archives/archive-row.ts";
import { textKey } from "../catalog/packed-id.ts";
import { decodeName } from "../names/decode-name.ts";
import { pathKey, safePath } from "../names/safe-path.ts";
import { NameKeys } from "./name-keys.ts";
import { type NameDecisionKind, type NameStatistics, nameDecisionKinds } from "./vault-statistics.ts";

export const examplesMax = 3;
const componentBytesMax = 255;
const pathBytesMax = 3072;

type Named = Pick<CatalogArchive, "number" | "archiveId" | "path" | "format" | "description">;

/** Counts archives by the decisions that their names need. */
export class NameCounter implements Disposable {
  readonly #formats = new Map<string, number>();
  readonly #counts = new Map<NameDecisionKind, { archives: number; readonly examples: string[] }>();
  readonly #keys = new NameKeys();

  add(archives: readonly Named[]): void {
    const keys = archives.map((archive) => {
      this.#formats.set(archive.format, (this.#formats.get(archive.format) ?? 0) + 1);
      const safe = safePath(archive.path, archive.archiveId);
      for (const kind of decisionsOf(archive, safe)) {
        this.#count(kind, archive.path || archive.archiveId);
      }
      return { key: textKey(pathKey(safe)), number: archive.number };
    });
    this.#keys.add(keys);
  }

  /** @param pathOf the path of an archive by its number. */
  async statistics(pathOf: (number: number) => string): Promise<NameStatistics> {
    const { count, examples } = await this.#keys.duplicates(examplesMax);
    const counts = new Map(this.#counts).set("duplicate", { archives: count, examples: examples.map(pathOf) });
    const formats = [...this.#formats].map(([format, archives]) => ({ format, archives }));
    return {
      formats: formats.toSorted((one, other) => other.archives - one.archives),
      decisions: nameDecisionKinds.flatMap((kind) => {
        const found = counts.get(kind);
        return found === undefined || found.archives === 0 ? [] : [{ kind, ...found }];
      }),
    };
  }

  [Symbol.dispose](): void {
    this.#keys[Symbol.dispose]();
  }

  #count(kind: NameDecisionKind, example: string): void {
    const counted = this.#counts.get(kind) ?? { archives: 0, examples: [] };
    counted.archives += 1;
    if (counted.examples.length < examplesMax) {
      counted.examples.push(example);
    }
    this.#counts.set(kind, counted);
  }
}

function decisionsOf({ path, format, description }: Named, safe: string): NameDecisionKind[] {
  const decisions: NameDecisionKind[] = [];
  if (path === "") {
    decisions.push("nameless");
  } else if (isTooLong(path)) {
    decisions.push("too-long");
  } else if (safe !== path) {
    decisions.push("unsafe");
  }
  // Plain text has no notes, and is by far the most frequent.
  if (format !== "text" && format !== "none" && decodeName(description).notes.length > 0) {
    decisions.push("noted");
  }
  return decisions;
}

function isTooLong(path: string): boolean {
  const bytes = Buffer.byteLength(path);
  return (
    bytes > componentBytesMax &&
    (bytes > pathBytesMax || path.split(/[/\\]/).some((name) => Buffer.byteLength(name) > componentBytesMax))
  );
}
