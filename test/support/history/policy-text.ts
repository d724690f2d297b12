import { accountId, region } from "../server-process.ts";
import type { Denial } from "./calls.ts";

// A denial as the text of a policy. Its name is the statement's Sid, so that the text that is read back says which one it is.

export function policyText(name: string, { denies, whileTag, vault }: Denial & { readonly vault: string }): string {
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Sid: name,
        Effect: "Deny",
        Principal: "*",
        Action: denies.map((operation) => `glacier:${operation}`),
        Resource: `arn:aws:glacier:${region}:${accountId}:vaults/${vault}`,
        ...(whileTag && { Condition: { StringEquals: { [`glacier:ResourceTag/${whileTag.key}`]: whileTag.value } } }),
      },
    ],
  });
}

export const nameOfPolicy = (text: string): string => JSON.parse(text).Statement[0].Sid;
