import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { isTopicArn } from "../domain/notifications/topic.ts";
import { readPrivateFile } from "../secrets/private-file.ts";
import { type Webhook, WebhookSecret } from "./webhook.ts";

/**
 * Reads which topic leads to which webhook: JSON, topic ARN → `{ url, secret, allowPrivateAddresses?, caFile? }`; `caFile`
 * counts from the folder of the file. Rejects with the reason, in which no secret stands.
 */
export async function readWebhooks(path: string): Promise<ReadonlyMap<string, Webhook>> {
  const { success, data, error } = shape.safeParse(parseJson(path, readPrivateFile(path).toString("utf8")));
  if (!success) {
    const [issue] = error.issues;
    throw new Error(`${path}: ${issue?.path.join(": ")}: ${issue?.message}`);
  }
  const webhooks = new Map<string, Webhook>();
  for (const [topic, { url, secret, allowPrivateAddresses, caFile }] of Object.entries(data)) {
    const ca = caFile === undefined ? null : await readFile(resolve(dirname(path), caFile), "utf8");
    webhooks.set(topic, { url: new URL(url), secret: new WebhookSecret(secret), allowPrivateAddresses, ca });
  }
  return webhooks;
}

/** An error of the parser would quote what stands around the mistake. */
function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${path} is not JSON`);
  }
}

const shape = z.record(
  z.string().refine(isTopicArn, "must be the ARN of a topic"),
  z.strictObject({
    url: z.string().refine(isPlainHttps, "must be an https URL without a user and a fragment"),
    secret: z.string().min(16, "must be at least 16 characters"),
    allowPrivateAddresses: z.boolean().default(false),
    caFile: z.string().min(1).optional(),
  }),
);

function isPlainHttps(text: string): boolean {
  const url = URL.parse(text);
  return url?.protocol === "https:" && url.username === "" && url.password === "" && url.hash === "";
}
