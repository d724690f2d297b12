import { readFile } from "node:fs/promises";
import { text as wholeText } from "node:stream/consumers";
import type { CliEnvironment, CommandContext } from "../context/tools.ts";
import { UsageError } from "../exit-codes.ts";

/** Reads arguments that are too long or too unusual for a command line, from files or standard input. */
export function argumentReader({ pathOf, stdin }: CliEnvironment): Pick<CommandContext, "readText" | "readId"> {
  const readText = async (name: string) => {
    try {
      // Without the byte order mark that some editors write.
      return (name === "-" ? await wholeText(stdin()) : await readFile(pathOf(name), "utf8")).replace(/^\uFEFF/, "");
    } catch (error) {
      throw new UsageError(`cannot read ${name}: ${(error as Error).message}`, { cause: error });
    }
  };
  const readId = async (given: string) => {
    if (given !== "-" && !given.startsWith("@")) {
      return given;
    }
    const name = given === "-" ? "-" : given.slice(1);
    const words = (await readText(name)).split(/\s+/).filter(Boolean);
    const [id] = words;
    if (id === undefined || words.length > 1) {
      const where = name === "-" ? "standard input" : name;
      throw new UsageError(`${where} must contain one id, but has ${words.length} words`);
    }
    return id;
  };
  return { readText, readId };
}
