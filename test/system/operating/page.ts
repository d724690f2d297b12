import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../../support/server-process.ts";

/** A block of commands of docs/operating.md. */
export interface Block {
  /** The heading that it follows, and its number below that heading: `Disk full 2`. */
  readonly name: string;
  readonly code: string;
}

const page = "docs/operating.md";
/** Procedures end here. */
const reference = "\n# Reference\n";

/** The page's parts: what operators run, and what they look up. */
export function readPage(): { readonly blocks: readonly Block[]; readonly reference: string } {
  const [procedures = "", ...rest] = readFileSync(join(repositoryRoot, page), "utf8").split(reference);
  const sections = procedures.split(/^## /m).slice(1);
  const blocks = sections.flatMap((section) => {
    const heading = section.slice(0, section.indexOf("\n"));
    return [...section.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language, code = ""], index) => {
      if (language !== "sh") {
        throw new Error(`${page}: a block of "${heading}" is in ${language || "no language"}: procedures are in sh`);
      }
      return { name: `${heading} ${index + 1}`, code };
    });
  });
  return { blocks, reference: rest.join(reference) };
}
