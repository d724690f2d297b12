import type { Command } from "commander";
import { versionFlag } from "./context/global-options.ts";
import type { AdminContext, CommandContext } from "./context/tools.ts";

/** Loads a command and builds it. */
type Make = (tools: CommandContext, adminTools: AdminContext) => Promise<Command>;

/** In the order of the help. */
const commands: Readonly<Record<string, Make>> = {
  vault: async (tools) => (await import("./commands/vaults/vault.ts")).vaultCommand(tools),
  upload: async (tools) => (await import("./commands/archives/upload.ts")).uploadCommand(tools),
  rescue: async (tools) => (await import("./commands/rescue.ts")).rescueCommand(tools),
  send: async (tools) => (await import("./commands/send.ts")).sendCommand(tools),
  fetch: async (tools) => (await import("./commands/fetch.ts")).fetchCommand(tools),
  retrieve: async (tools) => (await import("./commands/archives/retrieve.ts")).retrieveCommand(tools),
  audit: async (tools) => (await import("./commands/audit.ts")).auditCommand(tools),
  inventory: async (tools) => (await import("./commands/vaults/inventory.ts")).inventoryCommand(tools),
  catalog: async (tools) => (await import("./commands/catalog/catalog.ts")).catalogCommand(tools),
  plan: async (tools) => (await import("./commands/plan.ts")).planCommand(tools),
  job: async (tools) => (await import("./commands/archives/job.ts")).jobCommand(tools),
  archive: async (tools) => (await import("./commands/archives/archive.ts")).archiveCommand(tools),
  treehash: async (tools) => (await import("./commands/treehash.ts")).treehashCommand(tools),
  policy: async (tools) => (await import("./commands/vaults/policy.ts")).policyCommand(tools),
  lock: async (tools) => (await import("./commands/vaults/lock.ts")).lockCommand(tools),
  tags: async (tools) => (await import("./commands/vaults/tags.ts")).tagsCommand(tools),
  notifications: async (tools) => (await import("./commands/vaults/notifications.ts")).notificationsCommand(tools),
  "retrieval-policy": async (tools) =>
    (await import("./commands/vaults/retrieval-policy.ts")).retrievalPolicyCommand(tools),
  capacity: async (tools) => (await import("./commands/vaults/capacity.ts")).capacityCommand(tools),
  completion: async (tools) => (await import("./commands/completion.ts")).completionCommand(tools),
  serve: async () => (await import("./commands/serve.ts")).serveCommand(),
  verify: async () => (await import("./commands/verify.ts")).verifyCommand(),
  backup: async () => (await import("./commands/backup.ts")).backupCommand(),
  restore: async () => (await import("./commands/restore.ts")).restoreCommand(),
  repair: async () => (await import("./commands/repair.ts")).repairCommand(),
  admin: async (_, tools) => (await import("./admin/admin.ts")).adminCommand(tools),
};

/**
 * Returns the commands that a command line may call: each whose name occurs in it. Loading all takes longer than most requests.
 * Returns all for a line that calls none or asks for help before it does, and for completion, which lists all. Returns none for the version.
 */
export function commandsFor(args: readonly string[]): Make[] {
  if (args[0] === versionFlag) {
    return [];
  }
  const named = Object.keys(commands).filter((name) => args.includes(name));
  const [firstWord] = args.filter((arg) => named.includes(arg) || /^(-h|--help)$/.test(arg));
  const isAboutAll = firstWord === undefined || !named.includes(firstWord) || named.includes("completion");
  return isAboutAll ? Object.values(commands) : named.flatMap((name) => commands[name] ?? []);
}
