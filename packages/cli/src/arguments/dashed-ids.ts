import type { Command } from "commander";

// Glacier's ids may begin with a dash, as options do. No argument of a process can hold a NUL, so one in front marks an id without
// ever being taken for something that the user wrote.
const mark = "\0";

/** Shorter ones than any of a service's ids; longer than anything a hand types after a dash. */
const idLengthMin = 20;
/** Ids of archives, jobs and uploads. After a letter that is an option with a value, as in -oNAME, only these are ids. */
const idLengths: ReadonlySet<number> = new Set([138, 92]);

/**
 * Marks what must be an id, so that it is no option for the parser: it has a dash in front, nothing but letters, digits, dashes
 * and underscores, the length of an id, and no option has its name.
 */
export function markIds(args: readonly string[], program: Command): string[] {
  const options = flagsOf(program);
  const hasIdLength = (arg: string) =>
    options.has(`${arg.slice(0, 2)} <value>`) ? idLengths.has(arg.length) : arg.length >= idLengthMin;
  const isId = (arg: string) => hasIdLength(arg) && /^-[\w-]+$/.test(arg) && !options.has(arg);
  const end = args.indexOf("--");
  return args.map((arg, index) => (isId(arg) && (end < 0 || index < end) ? `${mark}${arg}` : arg));
}

/** Takes the marks off what a command is about to work with. */
export function unmarkIds(command: Command): void {
  command.args = command.args.map(unmarked);
  command.processedArgs = command.processedArgs.map(unmarked);
  for (let one: Command | null = command; one !== null; one = one.parent) {
    for (const [name, value] of Object.entries(one.opts())) {
      one.setOptionValue(name, unmarked(value));
    }
  }
}

/** Also of messages that quote an argument. */
export function unmarked<Value>(value: Value): Value {
  if (Array.isArray(value)) {
    return value.map(unmarked) as Value;
  }
  return typeof value === "string" ? (value.replaceAll(mark, "") as Value) : value;
}

/** Names of options, and short ones that take a value, with a mark. */
function flagsOf(command: Command): Set<string> {
  const own = command.options.flatMap(({ short, long, required }) => [
    ...(long ? [long] : []),
    ...(short && required ? [`${short} <value>`] : []),
  ]);
  return new Set([...own, ...command.commands.flatMap((below) => [...flagsOf(below)])]);
}
