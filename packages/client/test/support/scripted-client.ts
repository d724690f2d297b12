import { type ClientOptions, createClient, type GlacierClient } from "@moraine/client";
import { answer, type ScriptedServer } from "./scripted-server.ts";

/** A client of a scripted server, with its credentials. */
export const vault = { vaultName: "photos" };
export const described = { VaultName: "photos", LastInventoryDate: null };
export const fine = answer(200, { "content-type": "application/json" }, JSON.stringify(described));
export const keys = { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "secret" };

export function clientOf({ url }: Pick<ScriptedServer, "url">, options: Partial<ClientOptions> = {}): GlacierClient {
  return createClient({ region: "us-east-1", credentials: keys, endpoint: url, ...options });
}

/** Returns the error that the promise is rejected with. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("It did not fail");
}
