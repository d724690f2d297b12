import { registerHooks } from "node:module";
import type { Engine } from "./comparing.ts";

/** A bug that could have been made: one piece of source text, and what stands there instead. */
export interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly original: string;
  readonly planted: string;
}

const folder = new URL("../../../src/domain/policy/", import.meta.url).href;
const planted = new Map<string, Mutant>();

/** The product's files are read again under an address of the mutant's own, and one of them is changed on the way. */
export async function engineWith(mutant: Mutant): Promise<Engine> {
  const id = String(planted.size);
  planted.set(id, mutant);
  const load = (file: string): Promise<unknown> => import(`${folder}${file}?mutant=${id}`);
  const [parse, evaluate] = await Promise.all([load("parse.ts"), load("evaluate.ts")]);
  return Object.assign({}, parse, evaluate) as Engine;
}

registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context);
    const search = context.parentURL?.startsWith(folder) === true ? new URL(context.parentURL).search : "";
    return resolved.url.startsWith(folder) && !resolved.url.includes("?")
      ? { ...resolved, url: `${resolved.url}${search}` }
      : resolved;
  },
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const mutant = planted.get(new URL(url).searchParams.get("mutant") ?? "");
    if (mutant === undefined || !url.startsWith(`${folder}${mutant.file}?`)) {
      return loaded;
    }
    const source = Buffer.from(loaded.source as Uint8Array).toString();
    const [before = "", after = "", ...more] = source.split(mutant.original);
    if (!source.includes(mutant.original) || more.length > 0) {
      throw new Error(`${mutant.name}: the text to replace must stand once in ${mutant.file}`);
    }
    return { ...loaded, source: `${before}${mutant.planted}${after}` };
  },
});
