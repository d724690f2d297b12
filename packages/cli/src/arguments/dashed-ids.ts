import type { Command } from "commander";

// Glacier's ids may begin with a dash, as options do. A NUL in front marks an id: no argument of a process contains one, so it cannot
// be mistaken for the user's own.
const mark = "\0";

/** Shorter than any id of a service, and longer than any option. */
const idLengthMin = 20;
/** Lengths of the ids of archives, jobs and uploads. After an option's letter, as in -oNAME, only arguments of these lengths are ids. */
const idLengths: ReadonlySet<number> = new Set([138, 92]);

/**
 * Marks arguments that must be ids, so that the parser does not take them for options. Such an argument starts with a dash, consists of
 * letters, digits, dashes and underscores, has the length of an id, and is not the name of an option.
 */
export function markIds(args: readonly string[], program: Command): string[] {
  const options = flagsOf(program);
  const hasIdLength = (arg: string) =>
    options.has(`${arg.slice(0, 2)} <value>`) ? idLengths.has(arg.length) : arg.length >= idLengthMin;
  const isId = (arg: string) => hasIdLength(arg) && /^-[\w-]+$/.test(arg) && !options.has(arg);
  const end = args.indexOf("--");
  return args.map((arg, index) => (isId(arg) && (end < 0 || index < end) ? `${mark}${arg}` : arg));
}

/** Removes the marks from the arguments and options of a command. */
export function unmarkIds(command: Command): void {
  command.args = command.args.map(unmarked);
  command.processedArgs = command.processedArgs.map(unmarked);
  for (let one: Command | null = command; one !== null; one = one.parent) {
    for (const [name, value] of Object.entries(one.opts())) {
      one.setOptionValue(name, unmarked(value));
    }
  }
}

/** Removes the mark from a value, or from a message that quotes one. */
export function unmarked<Value>(value: Value): Value {
  if (Array.isArray(value)) {
    return value.map(unmarked) as Value;
  }
  return typeof value === "string" ? (value.replaceAll(mark, "") as Value) : value;
}

/** Returns the names of all options; short ones that take a value are also listed as `-o <value>`. */
function flagsOf(command: Command): Set<string> {
  const own = command.options.flatMap(({ short, long, required }) => [
    ...(long ? [long] : []),
    ...(short && required ? [`${short} <value>`] : []),
  ]);
  return new Set([...own, ...command.commands.flatMap((below) => [...flagsOf(below)])]);
}
