import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

export type Environment = Readonly<Record<string, string | undefined>>;

type Fields = Readonly<Record<string, string | undefined>>;

/** A profile of AWS's configuration files. */
export interface Profile {
  readonly name: string;
  /** The fields of both files; the credentials file takes precedence. */
  readonly fields: Fields;
  readonly credentialsFile: Fields;
  readonly configFile: Fields;
  /** The section `[services NAME]` that the profile leads to, by `SERVICE.FIELD`. */
  readonly services: Fields;
}

/** Returns the profile's name where one is chosen, in the order of aws-cli 2. */
export function chosenProfile(environment: Environment, explicit: string | undefined): string | undefined {
  return explicit ?? (environment["AWS_PROFILE"] || environment["AWS_DEFAULT_PROFILE"] || undefined);
}

/** Whether AWS's files contain a string. Reading them takes a tenth of the time of loading their parser. */
export async function filesContain(environment: Environment, text: string): Promise<boolean> {
  const folder = join(homedir(), ".aws");
  const files = [
    environment["AWS_CONFIG_FILE"] || join(folder, "config"),
    environment["AWS_SHARED_CREDENTIALS_FILE"] || join(folder, "credentials"),
  ];
  const texts = await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")));
  return texts.some((one) => one.toLowerCase().includes(text));
}

/** Reads AWS's files. Throws a TypeError when the chosen profile, or the section of services that it names, does not exist. */
export async function loadProfile(environment: Environment, explicit: string | undefined): Promise<Profile> {
  const chosen = chosenProfile(environment, explicit);
  if (chosen === undefined && !(await filesContain(environment, "["))) {
    return { name: "default", fields: {}, credentialsFile: {}, configFile: {}, services: {} };
  }
  const { loadSharedConfigFiles } = await import("@smithy/core/config");
  const [filepath, configFilepath] = [environment["AWS_SHARED_CREDENTIALS_FILE"], environment["AWS_CONFIG_FILE"]];
  const files = await loadSharedConfigFiles({
    ...(filepath && { filepath }),
    ...(configFilepath && { configFilepath }),
    ignoreCache: true, // Other tools renew keys there.
  });
  const name = chosen ?? "default";
  const [inConfig, inCredentials] = [files.configFile[name], files.credentialsFile[name]];
  if (chosen !== undefined && inConfig === undefined && inCredentials === undefined) {
    const places = `${configFilepath || "~/.aws/config"} and ${filepath || "~/.aws/credentials"}`;
    throw new TypeError(`The profile ${JSON.stringify(name)} does not exist: expected a section of ${places}`);
  }
  const [configFile, credentialsFile] = [lowerCase(inConfig), lowerCase(inCredentials)];
  const fields = { ...configFile, ...credentialsFile };
  const services = fields["services"] === undefined ? {} : files.configFile[`services.${fields["services"]}`];
  if (services === undefined) {
    const section = `[services ${fields["services"]}]`;
    throw new TypeError(`The section ${section}, which the profile ${JSON.stringify(name)} names, does not exist`);
  }
  return { name, fields, credentialsFile, configFile, services: lowerCase(services) };
}

/** Lowers names, as AWS's Python tools do. */
function lowerCase(fields: Fields | undefined): Fields {
  return Object.fromEntries(Object.entries(fields ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
}
