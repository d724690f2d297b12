import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { secretOf } from "../secrets/given-secrets.ts";
import { readSettingsFile } from "../secrets/private-file.ts";

/** A setting that was not understood: one line for the user, exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export interface Setting {
  readonly flag?: string;
  readonly environment: string;
  readonly fallback?: string;
  readonly help: string;
  /** Whether `NAME_FILE` in the environment may name a file with the value. */
  readonly isSecret?: true;
  /** A switch takes no value; a list may be given more than once, or parted by semicolons. */
  readonly kind?: "switch" | "list";
}

export type Flags = Readonly<Record<string, string | boolean | string[] | undefined>>;

/** Throws UsageError. */
export function readFlags(settings: readonly Setting[], args: readonly string[]): Flags {
  const options: Record<string, { type: "string" | "boolean"; multiple?: boolean }> = {
    config: { type: "string" },
    help: { type: "boolean" },
    version: { type: "boolean" },
  };
  for (const { flag, kind } of settings) {
    if (flag !== undefined) {
      options[flag] = { type: kind === "switch" ? "boolean" : "string", multiple: kind === "list" };
    }
  }
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values as Flags;
  } catch (error) {
    // The rest is about arguments that begin with a dash, which this command does not take.
    throw new UsageError((error as Error).message.replace(/\. To specify a positional [\s\S]*$/, ""));
  }
}

/** As they were given, and by what: a flag, a variable, or a file. */
export interface GivenSettings<Name extends string> {
  readonly values: Partial<Record<Name, string>>;
  /** For messages. */
  readonly origins: Partial<Record<Name, string>>;
}

/** Flags win over the environment, and that over `--config FILE`. Throws UsageError. */
export function givenSettings<Name extends string>(
  settings: Readonly<Record<Name, Setting>>,
  flags: Flags,
  environment: NodeJS.ProcessEnv,
  base: string,
): GivenSettings<Name> {
  const table = Object.entries<Setting>(settings) as [Name, Setting][];
  const path = typeof flags["config"] === "string" ? resolve(base, flags["config"]) : null;
  const file =
    path === null
      ? {}
      : readConfigFile(
          path,
          table.flatMap(([, { flag }]) => flag ?? []),
        );
  const values: Partial<Record<Name, string>> = {};
  const origins: Partial<Record<Name, string>> = {};
  for (const [name, setting] of table) {
    const { flag = "", environment: variable, fallback } = setting;
    const places: readonly (readonly [origin: string, value: unknown])[] = [
      [`--${flag}`, flags[flag]],
      [variable, valueOfVariable(setting, environment, base)],
      [`${path}: ${flag}`, file[flag]],
      [flag === "" ? variable : `--${flag}`, fallback],
    ];
    const [origin, value] = places.find(([, given]) => given !== undefined) ?? [variable, undefined];
    origins[name] = origin;
    if (value !== undefined) {
      values[name] = Array.isArray(value) ? value.join(";") : String(value);
    }
  }
  return { values, origins };
}

function valueOfVariable({ environment: name, isSecret }: Setting, environment: NodeJS.ProcessEnv, base: string) {
  return isSecret ? inSettings(() => secretOf(name, environment, base)) : environment[name];
}

/** Has what cannot be read as a setting be the user's fault. */
export function inSettings<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function readConfigFile(path: string, flags: readonly string[]): Record<string, unknown> {
  try {
    const file: unknown = JSON.parse(readSettingsFile(path).toString("utf8"));
    const known = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).parse(file);
    const unknown = Object.keys(known).find((name) => !flags.includes(name));
    if (unknown !== undefined) {
      throw new UsageError(`${path}: there is no setting ${unknown}`);
    }
    return known;
  } catch (error) {
    throw error instanceof UsageError
      ? error
      : new UsageError(`${path} cannot be read as settings: ${(error as Error).message}`);
  }
}
