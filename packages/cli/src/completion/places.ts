import type { Argument, Command, Option } from "commander";
import { versionFlag } from "../context/global-options.ts";

/** The kind of a value: a file, one of these words, or something that only the user knows. */
export type Value = "file" | "any" | readonly string[];

export interface Word {
  readonly word: string;
  readonly description: string;
}

export interface Flag {
  /** `-o` and `--output`. */
  readonly words: readonly string[];
  readonly description: string;
  /** The value that follows it; null for none. */
  readonly value: Value | null;
}

/** A command or group of commands, and the completions after it. */
export interface Place {
  /** The words after the program's name, like `vault create`. */
  readonly path: string;
  readonly commands: readonly Word[];
  /** Its own options, without the global ones if it takes all of those. */
  readonly flags: readonly Flag[];
  readonly takesGlobalFlags: boolean;
  readonly operands: readonly Value[];
  /** Whether the last operand may be repeated. */
  readonly isLastRepeated: boolean;
}

export interface Completion {
  readonly name: string;
  readonly globalFlags: readonly Flag[];
  readonly places: readonly Place[];
}

/** Lists everything that can be completed for a program. */
export function completionOf(program: Command): Completion {
  const globalFlags = flagsOf(program).filter(({ words }) => !words.includes(versionFlag));
  return { name: program.name(), globalFlags, places: placesOf(program, [], [], globalFlags) };
}

function placesOf(
  command: Command,
  path: readonly string[],
  inherited: readonly Flag[],
  globalFlags: readonly Flag[],
): Place[] {
  const own = flagsOf(command);
  const above = inherited.filter((flag) => !own.some(({ words }) => words.at(-1) === flag.words.at(-1)));
  const flags = [...own, ...above];
  const has = ({ words }: Flag) => flags.some((flag) => flag.words.at(-1) === words.at(-1));
  const takesGlobalFlags = globalFlags.every(has);
  const place: Place = {
    path: path.join(" "),
    commands: commandsOf(command).map((below) => ({ word: below.name(), description: below.description() })),
    flags: takesGlobalFlags
      ? flags.filter((flag) => !globalFlags.some(({ words }) => words.at(-1) === flag.words.at(-1)))
      : flags,
    takesGlobalFlags,
    operands: command.registeredArguments.map(valueOfArgument),
    isLastRepeated: command.registeredArguments.at(-1)?.variadic ?? false,
  };
  // Options may also precede the commands below, unless those take the global options themselves.
  const passedOn = takesGlobalFlags ? [] : flags;
  const below = commandsOf(command).flatMap((one) => placesOf(one, [...path, one.name()], passedOn, globalFlags));
  return [place, ...below];
}

/** Returns all options, including those that help omits. */
function flagsOf(command: Command): Flag[] {
  const visible = command.createHelp().visibleOptions(command);
  return [...new Set([...command.options, ...visible])].map((option) => ({
    words: [option.short, option.long].filter((word) => word !== undefined && word !== null),
    description: option.description,
    value: option.required ? valueOfOption(option) : null,
  }));
}

function valueOfOption({ argChoices, flags }: Option): Value {
  return argChoices ?? valueNamed(/<([\w-]+)/.exec(flags)?.[1]);
}

function valueOfArgument(argument: Argument): Value {
  return argument.argChoices ?? valueNamed(argument.name());
}

/** A value called "file" in help is a file. */
const valueNamed = (name: string | undefined): Value => (name === "file" ? "file" : "any");

/** Leaves out the help commands, which are rarely typed. */
const commandsOf = ({ commands }: Command): Command[] => commands.filter((command) => command.name() !== "help");
