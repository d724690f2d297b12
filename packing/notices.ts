import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The part of esbuild's account of a bundle that names what went into it. */
export interface Metafile {
  readonly outputs: Readonly<Record<string, { readonly inputs: Readonly<Record<string, unknown>> }>>;
}

/**
 * The licences and notices of the packages whose code is in a bundle, as they ask to be kept with copies.
 *
 * @param source the folder that the account's paths start from
 */
export function noticesOf({ outputs }: Metafile, source: string): string {
  const files = Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs));
  const folders = new Set(files.flatMap((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? []));
  const notices = [...folders]
    .map((folder) => noticeOf(join(source, folder)))
    .sort(([first], [second]) => (first < second ? -1 : 1));
  const unlicensed = notices.filter(([, text]) => text === "").map(([name]) => name);
  if (unlicensed.length > 0) {
    throw new Error(`There is no licence with ${unlicensed.join(", ")}: nothing of it may be published`);
  }
  const heading = "The files next to this one contain code of these packages, under the licences below.\n";
  return [heading, ...notices.map(([name, text]) => `${"=".repeat(80)}\n${name}\n\n${text}`)].join("\n");
}

function noticeOf(folder: string): [string, string] {
  const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice)/i.test(file));
  return [`${name} ${version}`, files.map((file) => readFileSync(join(folder, file), "utf8")).join("\n")];
}
