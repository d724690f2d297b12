import { type AccountId, vaultArn } from "@moraine/protocol";

/** The ARN of a vault whose columns were joined; undefined when there was no vault. */
export function arnOfRow(row: Readonly<Record<"account_id" | "region" | "name", unknown>>): string | undefined {
  const { account_id: accountId, region, name } = row;
  return typeof name === "string" ? vaultArn(String(region), String(accountId) as AccountId, name) : undefined;
}
