import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import * as sdk from "@aws-sdk/client-glacier";
import { AwsCli } from "../aws-cli.ts";
import { CalledOperations } from "../called-operations.ts";
import { region, rootKey } from "../server-process.ts";

// AWS's clients behind one function: all of them are generated from one model, and call parameters by the same names.

/** A response: its fields, and the bytes of a job's output. Rejects with an error that has the service's code in its message. */
export type CallClient = (
  operation: string,
  parameters: Readonly<Record<string, unknown>>,
  body?: Uint8Array,
  // biome-ignore lint/suspicious/noExplicitAny: each operation has its own fields
) => Promise<Record<string, any>>;

export interface ForeignClient extends AsyncDisposable {
  readonly call: CallClient;
}

/** By the name of each: starts it for the service at a URL, with a folder for its files. */
export const foreignClients: Readonly<Record<string, (url: string, folder: string) => Promise<ForeignClient>>> = {
  "AWS's SDK for JavaScript": async (url) => {
    const client = new sdk.GlacierClient({ endpoint: url, region, credentials: rootKey });
    const commands = sdk as unknown as Record<string, new (input: object) => never>;
    return {
      async call(operation, parameters, body) {
        const Command = commands[`${operation}Command`];
        if (Command === undefined) {
          throw new Error(`the SDK has no ${operation}`);
        }
        const input = { accountId: "-", ...parameters, ...(body !== undefined && { body }) };
        const { body: stream, ...response } = (await client.send(new Command(input))) as Awaited<
          ReturnType<CallClient>
        >;
        return {
          ...response,
          ...(stream !== undefined && { bytes: Buffer.from(await stream.transformToByteArray()) }),
        };
      },
      [Symbol.asyncDispose]: async () => client.destroy(),
    };
  },

  "aws-cli": async (url, folder) => {
    const cli = new AwsCli({ url }, new CalledOperations());
    const [sent, output] = [join(folder, "body"), join(folder, "output")];
    return {
      async call(operation, parameters, body) {
        const hasOutput = operation === "GetJobOutput";
        if (body !== undefined) {
          await writeFile(sent, body);
        }
        const response = await cli.succeed(dashed(operation), [
          ...Object.entries(parameters).map(([name, value]) => `--${dashed(name)}=${argumentOf(value)}`),
          ...(body === undefined ? [] : ["--body", sent]),
          ...(hasOutput ? [output] : []),
        ]);
        return { ...response, ...(hasOutput && { bytes: await readFile(output) }) };
      },
      [Symbol.asyncDispose]: async () => undefined,
    };
  },

  boto3: async (url) => {
    const script = fileURLToPath(new URL("./boto3_calls.py", import.meta.url));
    const child = spawn("/usr/bin/python3", ["-B", script, url, region, ...Object.values(rootKey)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const ended = once(child, "close");
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    return {
      async call(operation, parameters, body) {
        const sent = { operation, parameters, body: body === undefined ? null : Buffer.from(body).toString("base64") };
        child.stdin.write(`${JSON.stringify(sent)}\n`);
        const { error, bytes, ...response } = JSON.parse((await lines.next()).value ?? '{"error":"boto3 has ended"}');
        if (error !== undefined) {
          throw new Error(error);
        }
        return { ...response, ...(bytes !== undefined && { bytes: Buffer.from(bytes, "base64") }) };
      },
      async [Symbol.asyncDispose]() {
        child.stdin.end();
        await ended;
      },
    };
  },
};

const dashed = (name: string): string => name.replace(/(?<!^)([A-Z])/g, "-$1").toLowerCase();

const argumentOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
