import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "./server-process.ts";

/** The blocks of code of a page in the language, in order: a test runs the commands that readers are advised to run. */
export function codeOf(page: string, language: string): readonly string[] {
  const text = readFileSync(join(repositoryRoot, page), "utf8");
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, name, code = ""]) =>
    name === language ? [code] : [],
  );
}
