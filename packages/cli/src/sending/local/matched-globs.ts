import { globMatcher } from "../../catalog/glob.ts";
import { UsageError } from "../../exit-codes.ts";
import type { ReportEvent } from "../../transfers/report-event.ts";

/** Globs of which a path has to match one. It knows which of them have matched nothing, as a misspelt one does. */
export class MatchedGlobs {
  readonly #globs: readonly { readonly text: string; readonly matches: (path: string) => boolean; isUsed: boolean }[];

  constructor(globs: readonly string[]) {
    this.#globs = globs.map((text) => ({ text, matches: globMatcher([text]), isUsed: false }));
  }

  matches(path: string): boolean {
    let isMatch = false;
    for (const glob of this.#globs) {
      if (!(isMatch && glob.isUsed) && glob.matches(path)) {
        glob.isUsed = true;
        isMatch = true;
      }
    }
    return isMatch;
  }

  get unused(): readonly string[] {
    return this.#globs.filter(({ isUsed }) => !isUsed).map(({ text }) => text);
  }

  /** Called after all files were looked at: warns about each glob that no file has matched. Throws UsageError if that is true of all. */
  assertUsed(onEvent: (event: ReportEvent) => void): void {
    const { unused } = this;
    if (unused.length > 0 && unused.length === this.#globs.length) {
      throw new UsageError(`No file matches ${unused.join(", ")}`);
    }
    for (const glob of unused) {
      onEvent({ kind: "warning", code: "unused-glob", message: `no file matches ${glob}` });
    }
  }
}
