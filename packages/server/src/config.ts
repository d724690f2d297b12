import { resolve } from "node:path";
import { parseDuration, parseSize, unitSeconds } from "@moraine/protocol";
import { z } from "zod";
import { type AuditSettings, auditSettings, isAnchorTarget } from "./audit/settings.ts";
import { FaultError, type FaultRule } from "./domain/faults/fault.ts";
import { parseFault } from "./domain/faults/fault-text.ts";
import { isLoopback } from "./domain/loopback.ts";
import { type Place, readPlace } from "./domain/place.ts";
import { type Network, readNetwork } from "./domain/policy/conditions/addresses.ts";
import { isSafeEndpoint } from "./domain/safe-endpoint.ts";
import { rootKeyOf } from "./secrets/given-secrets.ts";
import type { RootKey } from "./secrets/root-key-file.ts";
import { givenSettings, inSettings, readFlags, type Setting, UsageError } from "./settings/given-settings.ts";
import { usageText } from "./settings/usage.ts";
import type { ArchivesUrl } from "./storage/s3/archives-url.ts";
import { readBlobs, readDatabase, type SharedDatabase } from "./store-settings.ts";

/** Everything that can be set, read once. Flags win over the environment, and that over `--config FILE`. */
export interface Config {
  readonly dataFolder: string;
  readonly isDefaultDataFolder: boolean;
  /** Whether `main.ts` makes the data folder, for this run alone. */
  readonly isEphemeral: boolean;
  /** The database that several nodes share, in place of a data folder; null for one in the data folder. */
  readonly database: SharedDatabase | null;
  /** Whether it may lie on a file system whose locks and syncs depend on another machine. */
  readonly allowNetworkStorage: boolean;
  /** The bucket that archives are kept in; null for the data folder. */
  readonly blobs: ArchivesUrl | null;
  readonly listen: Place;
  /** Where the metrics are served: on an address of their own, with the API, or nowhere. */
  readonly metrics: Place | "with-api" | "off";
  /** Networks of proxies that say whom they speak for. */
  readonly trustedProxies: readonly Network[];
  /** For each IPv4 address or IPv6 network of 64 bits. */
  readonly connectionsPerAddressMax: number;
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null;
  readonly region: string;
  readonly accountId: string;
  /** Null is `secrets.key` in the data folder. */
  readonly sealingKeyFile: string | null;
  /** The key that sealed secrets until now, if it was another. */
  readonly previousSealingKeyFile: string | null;
  readonly rootKey: RootKey | null;
  /** Where a root's key that is made is written to; null shows it on the terminal, or else writes it into the data folder. */
  readonly rootKeyFile: string | null;
  readonly profile: "practical" | "aws";
  readonly clock: "system" | "manual";
  readonly presigned: "off" | "reads" | "all";
  /** Whether `x-amz-*` headers may be changed on the way: for clients that sign fewer than they send. */
  readonly unsignedHeaders: "refuse" | "allow";
  /** Where topics are published to that have no webhook. */
  readonly snsEndpoint: string | null;
  readonly webhooksFile: string | null;
  /** Accounts whose topics every vault may name, next to those of its own account. */
  readonly sharedTopicAccounts: readonly string[];
  readonly logLevel: string;
  /** Null is the profile's own delay. */
  readonly delays: Readonly<Record<DelayName, number | null>>;
  /** How long the bytes of deleted archives are kept. */
  readonly deletedGraceSeconds: number;
  /** Folder on another disk that gets a second copy of each segment; null for none. */
  readonly mirrorFolder: string | null;
  /** Within this time all that is stored is read back. */
  readonly scrubPeriodDays: number;
  readonly audit: AuditSettings;
  /** Bytes that the data retrieval policy FreeTier allows in a month. */
  readonly freeTierBytes: number;
  /** Whether policies' time follows the clock wherever it goes. */
  readonly trustClock: boolean;
  /** Null unless faults are allowed. A null seed is any. */
  readonly faults: { readonly rules: readonly FaultRule[]; readonly seed: number | null } | null;
}

type DelayName = "expeditedSeconds" | "standardSeconds" | "bulkSeconds" | "inventorySeconds";

// biome-ignore format: one line per setting reads as a table.
const settings = {
  data:       { flag: "data",              environment: "MORAINE_DATA",                                                 help: "DIR        where everything is kept (default: ./moraine-data)" },
  ephemeral:  { flag: "ephemeral",         environment: "MORAINE_EPHEMERAL",              fallback: "false",            help: "           keep it in a temporary folder, removed at the end", kind: "switch" },
  database:   { flag: "database",          environment: "MORAINE_DATABASE",                                             help: "URL        postgres://USER@HOST[,HOST]/NAME that nodes share; needs --blobs" },
  insecureDurability: { flag: "insecure-durability", environment: "MORAINE_INSECURE_DURABILITY", fallback: "false",     help: "       a database that may lose what it acknowledged, for tests", kind: "switch" },
  networkStorage: { flag: "allow-network-storage", environment: "MORAINE_ALLOW_NETWORK_STORAGE", fallback: "false",     help: "     keep it on NFS, SMB, FUSE and the like, at your own risk", kind: "switch" },
  blobs:      { flag: "blobs",             environment: "MORAINE_BLOBS",                                                help: "URL        s3://BUCKET/PREFIX?endpoint=URL&region=NAME to keep archives in" },
  listen:     { flag: "listen",            environment: "MORAINE_LISTEN",                 fallback: "127.0.0.1:8484",   help: "HOST:PORT  port 0 picks a free one" },
  tlsCert:    { flag: "tls-cert",          environment: "MORAINE_TLS_CERT",                                             help: "FILE       certificate chain (PEM)" },
  tlsKey:     { flag: "tls-key",           environment: "MORAINE_TLS_KEY",                                              help: "FILE       private key (PEM)" },
  insecure:   { flag: "insecure",          environment: "MORAINE_INSECURE",               fallback: "false",            help: "           plain HTTP beyond loopback", kind: "switch" },
  metricsListen: { flag: "metrics-listen", environment: "MORAINE_METRICS_LISTEN",                                       help: "HOST:PORT  metrics, and health with reasons, apart from the API" },
  trustedProxy: { flag: "trusted-proxy",   environment: "MORAINE_TRUSTED_PROXY",                                        help: "CIDR       a proxy that names its client in X-Forwarded-For; repeatable", kind: "list" },
  perAddress: { flag: "connections-per-address", environment: "MORAINE_CONNECTIONS_PER_ADDRESS", fallback: "256",       help: "N  of one client; IPv6 counts by /64, trusted proxies do not" },
  region:     { flag: "region",            environment: "MORAINE_REGION",                 fallback: "us-east-1",        help: "NAME       the region in ARNs and signatures" },
  account:    { flag: "account",           environment: "MORAINE_ACCOUNT_ID",             fallback: "123456789012",     help: "ID         12 digits" },
  rootId:     {                            environment: "MORAINE_ROOT_ACCESS_KEY_ID",                                   help: "the root's key, instead of one that is made", isSecret: true },
  rootSecret: {                            environment: "MORAINE_ROOT_SECRET_ACCESS_KEY",                               help: "its secret; either may be in a file that …_FILE names", isSecret: true },
  rootKeyFile: { flag: "root-key-file",    environment: "MORAINE_ROOT_KEY_FILE",                                        help: "FILE       the root's key: read, or made and written there" },
  sealingKey: { flag: "sealing-key",       environment: "MORAINE_SEALING_KEY_FILE",                                     help: "FILE       32 bytes that seal secrets, in place of secrets.key" },
  previousKey: { flag: "previous-sealing-key", environment: "MORAINE_PREVIOUS_SEALING_KEY_FILE",                        help: "FILE  the key before; needed once, to change it" },
  profile:    { flag: "profile",           environment: "MORAINE_PROFILE",                fallback: "practical",        help: "NAME       practical, or aws with its delays" },
  expedited:  { flag: "expedited-delay",   environment: "MORAINE_EXPEDITED_DELAY",                                      help: "TIME       before an Expedited job completes" },
  standard:   { flag: "standard-delay",    environment: "MORAINE_STANDARD_DELAY",                                       help: "TIME       before a Standard job completes" },
  bulk:       { flag: "bulk-delay",        environment: "MORAINE_BULK_DELAY",                                           help: "TIME       before a Bulk job completes" },
  inventory:  { flag: "inventory-delay",   environment: "MORAINE_INVENTORY_DELAY",                                      help: "TIME       before an inventory job completes" },
  freeTier:   { flag: "free-tier-bytes",   environment: "MORAINE_FREE_TIER_BYTES",        fallback: "10GiB",            help: "SIZE       a month may retrieve under the policy FreeTier" },
  deletedGrace: { flag: "deleted-grace",   environment: "MORAINE_DELETED_GRACE",          fallback: "1d",               help: "TIME       to keep deleted bytes; 0 frees them at once" },
  mirror:     { flag: "mirror",            environment: "MORAINE_MIRROR",                                               help: "DIR        on another disk: gets a second copy of all bytes" },
  scrubPeriod: { flag: "scrub-period",     environment: "MORAINE_SCRUB_PERIOD",           fallback: "30d",              help: "TIME       to read all stored bytes back once, 1d to 90d" },
  auditDays:  { flag: "audit-days",        environment: "MORAINE_AUDIT_DAYS",             fallback: "400d",             help: "TIME       to keep the audit trail" },
  auditLog:   { flag: "audit-log",         environment: "MORAINE_AUDIT_LOG",                                            help: "FILE       also gets the audit trail, or stdout; reopened on SIGUSR2" },
  auditAnchor: { flag: "audit-anchor",     environment: "MORAINE_AUDIT_ANCHOR",                                         help: "FILE       or URL that gets signed heads of the audit trail" },
  anchorMinutes: { flag: "audit-anchor-minutes", environment: "MORAINE_AUDIT_ANCHOR_MINUTES", fallback: "15m",          help: "TIME     between two of them" },
  clock:      { flag: "clock",             environment: "MORAINE_CLOCK",                  fallback: "system",           help: "KIND       system, or manual for tests" },
  trustClock: { flag: "trust-clock",       environment: "MORAINE_TRUST_CLOCK",            fallback: "false",            help: "           policies' time follows the clock, whatever its jumps", kind: "switch" },
  presigned:  { flag: "presigned",         environment: "MORAINE_PRESIGNED",              fallback: "reads",            help: "WHICH      requests a URL may sign: off, reads, all" },
  unsignedHeaders: { flag: "unsigned-headers", environment: "MORAINE_UNSIGNED_HEADERS", fallback: "refuse",             help: "WHAT  x-amz-* headers outside the signature: refuse, or allow for old clients" },
  snsEndpoint: { flag: "sns-endpoint",     environment: "MORAINE_SNS_ENDPOINT",                                         help: "URL        where topics are published to; needs credentials" },
  webhooks:   { flag: "webhooks",          environment: "MORAINE_WEBHOOKS",                                             help: "FILE       webhooks of topics (JSON)" },
  topicAccounts: { flag: "topic-accounts", environment: "MORAINE_TOPIC_ACCOUNTS",         fallback: "",                 help: "ID,…       accounts whose topics the vaults of all accounts may name" },
  logLevel:   { flag: "log-level",         environment: "MORAINE_LOG_LEVEL",              fallback: "info",             help: "LEVEL      debug, info, warn, error, silent" },
  allowFaults: { flag: "allow-faults",     environment: "MORAINE_ALLOW_FAULTS",           fallback: "false",            help: "           lets responses be corrupted on purpose; for tests", kind: "switch" },
  fault:      { flag: "fault",             environment: "MORAINE_FAULT",                                                help: "MODE[:name=value,…]  a fault from the start; repeatable", kind: "list" },
  faultSeed:  { flag: "fault-seed",        environment: "MORAINE_FAULT_SEED",                                           help: "NUMBER     makes faults repeat what they did" },
} as const satisfies Record<string, Setting>;

type SettingName = keyof typeof settings;
type Origins = Partial<Record<SettingName, string>>;

/** Variables that only this file needs to find in the environment. */
export const secretVariables = Object.values<Setting>(settings).flatMap(({ isSecret, environment }) =>
  isSecret ? [environment] : [],
);

const wholeNumber = (pattern: RegExp, message: string) => z.string().regex(pattern, message).transform(Number);
const amount = (parse: (text: string) => number | null, message: string) =>
  z.string().transform((text, context) => {
    const value = parse(text);
    if (value === null) {
      context.addIssue({ code: "custom", message });
    }
    return value ?? z.NEVER;
  });
const secondsMax = 999_999_999;
const duration = amount((text) => {
  const parsed = parseDuration(text);
  return parsed !== null && parsed <= secondsMax ? parsed : null;
}, "must be a duration like 90s, 15m, 4h or 2d");
const seconds = duration.optional();
/** A plain number counts these units. */
const whole = (unit: "m" | "d", max: number) =>
  amount((text) => {
    const units = (parseDuration(text, unit) ?? Number.NaN) / (unitSeconds[unit] ?? 1);
    return Number.isInteger(units) && units >= 1 && units <= max ? units : null;
  }, `must be from 1${unit} to ${max}${unit}`);

const onOff = z.enum(["true", "false"]);

const place = z
  .string()
  .transform(readPlace)
  .refine((read) => read !== undefined, "must be HOST:PORT, with a port up to 65535");

const shape = z
  .object({
    data: z.string().min(1).optional(),
    ephemeral: onOff,
    database: z.string().min(1).optional(),
    insecureDurability: onOff,
    networkStorage: onOff,
    blobs: z.string().optional(),
    listen: place,
    metricsListen: place.optional(),
    tlsCert: z.string().optional(),
    tlsKey: z.string().optional(),
    insecure: onOff,
    trustedProxy: z
      .string()
      .transform((text) => text.split(";").map((cidr) => readNetwork(cidr)))
      .refine((networks) => !networks.includes(undefined), "must be a network, like 192.0.2.0/24 or 2001:db8::/32")
      .optional(),
    perAddress: wholeNumber(/^[1-9][0-9]{0,5}$/, "must be a whole number of connections"),
    region: z.string().regex(/^[a-z0-9-]{1,40}$/, "must be a region's name, like us-east-1"),
    account: z.string().regex(/^[0-9]{12}$/, "must be 12 digits"),
    rootId: z
      .string()
      .regex(/^[A-Za-z0-9]{16,128}$/, "must be 16 to 128 letters and digits")
      .optional(),
    rootSecret: z.string().min(16, "must be at least 16 characters").optional(),
    rootKeyFile: z.string().min(1).optional(),
    sealingKey: z.string().min(1).optional(),
    previousKey: z.string().min(1).optional(),
    profile: z.enum(["practical", "aws"]),
    expedited: seconds,
    standard: seconds,
    bulk: seconds,
    inventory: seconds,
    freeTier: amount(parseSize, "must be a number of bytes, or a size like 64MiB, 10GiB or 500MB"),
    deletedGrace: duration,
    mirror: z.string().min(1).optional(),
    scrubPeriod: whole("d", 90),
    auditDays: whole("d", 99_999),
    auditLog: z.string().min(1).optional(),
    auditAnchor: z
      .string()
      .refine(isAnchorTarget, "must be a file, an https URL, or an http one of loopback")
      .optional(),
    anchorMinutes: whole("m", 9999),
    clock: z.enum(["system", "manual"]),
    trustClock: onOff,
    allowFaults: onOff,
    fault: z.string().optional(),
    faultSeed: wholeNumber(/^[0-9]{1,9}$/, "must be a whole number").optional(),
    presigned: z.enum(["off", "reads", "all"]),
    unsignedHeaders: z.enum(["refuse", "allow"]),
    snsEndpoint: z.string().refine(isSafeEndpoint, "must be an https URL, or an http one of loopback").optional(),
    webhooks: z.string().min(1).optional(),
    topicAccounts: z
      .string()
      .regex(/^([0-9]{12}(,[0-9]{12})*)?$/, "must be account ids of 12 digits, separated by commas")
      .transform((text) => text.split(",").filter((id) => id !== "")),
    logLevel: z.enum(["trace", "debug", "info", "warn", "error", "silent"]),
  })
  .strict();

/** For a terminal of this many columns. */
export const usage = (columns: number | undefined): string => usageText(Object.values<Setting>(settings), columns);

/** Null when the user asked for help or the version. Throws UsageError. @param base the folder that relative paths count from. */
export function readConfig(args: readonly string[], environment: NodeJS.ProcessEnv, base: string): Config | null {
  const flags = readFlags(Object.values(settings), args);
  if (["help", "version"].some((name) => flags[name] === true)) {
    return null;
  }
  const { values: given, origins } = givenSettings<SettingName>(settings, flags, environment, base);
  const rootKeyFile = optionalPath(base, given.rootKeyFile);
  const result = shape.safeParse({ ...given, ...inSettings(() => rootKeyOf(given, rootKeyFile)) });
  if (!result.success) {
    const [issue] = result.error.issues;
    const name = String(issue?.path[0]) as SettingName;
    const isSecret = "isSecret" in settings[name];
    throw new UsageError(
      `${origins[name]}: ${issue?.message}${isSecret ? "" : `, not ${JSON.stringify(given[name])}`}`,
    );
  }
  return freeze(result.data, base, origins);
}

function freeze(values: z.infer<typeof shape>, base: string, origins: Origins): Config {
  const { listen } = values;
  const tls = pair(values.tlsCert, values.tlsKey, "--tls-cert and --tls-key must be given together");
  const root = pair(
    values.rootId,
    values.rootSecret,
    "MORAINE_ROOT_ACCESS_KEY_ID and MORAINE_ROOT_SECRET_ACCESS_KEY must be given together",
  );
  if (!isLoopback(listen.host) && tls === null && values.insecure === "false") {
    throw new UsageError(
      `${origins.listen}: ${listen.host} is not loopback: give --tls-cert and --tls-key, or --insecure if the network is safe`,
    );
  }
  return Object.freeze({
    ...readDataFolder(values, base),
    database: readDatabase(values, origins.database),
    allowNetworkStorage: values.networkStorage === "true",
    blobs: readBlobs(values, origins.blobs),
    listen,
    metrics: readMetrics(values, origins),
    trustedProxies: (values.trustedProxy ?? []).filter((network) => network !== undefined),
    connectionsPerAddressMax: values.perAddress,
    tls: tls && { certFile: resolve(base, tls[0]), keyFile: resolve(base, tls[1]) },
    region: values.region,
    accountId: values.account,
    sealingKeyFile: optionalPath(base, values.sealingKey),
    previousSealingKeyFile: optionalPath(base, values.previousKey),
    rootKey: root && { accessKeyId: root[0], secretAccessKey: root[1] },
    rootKeyFile: optionalPath(base, values.rootKeyFile),
    profile: values.profile,
    clock: values.clock,
    presigned: values.presigned,
    unsignedHeaders: values.unsignedHeaders,
    snsEndpoint: values.snsEndpoint ?? null,
    webhooksFile: optionalPath(base, values.webhooks),
    sharedTopicAccounts: values.topicAccounts,
    logLevel: values.logLevel,
    delays: {
      expeditedSeconds: values.expedited ?? null,
      standardSeconds: values.standard ?? null,
      bulkSeconds: values.bulk ?? null,
      inventorySeconds: values.inventory ?? null,
    },
    freeTierBytes: values.freeTier,
    deletedGraceSeconds: values.deletedGrace,
    mirrorFolder: optionalPath(base, values.mirror),
    scrubPeriodDays: values.scrubPeriod,
    audit: auditSettings(values, (path) => resolve(base, path)),
    trustClock: values.trustClock === "true",
    faults: readFaults(values, origins),
  });
}

function readDataFolder({ data, ephemeral }: z.infer<typeof shape>, base: string) {
  const isEphemeral = ephemeral === "true";
  if (isEphemeral && data !== undefined) {
    throw new UsageError("--ephemeral keeps nothing, so it takes no --data (MORAINE_DATA): leave one of them out");
  }
  const isDefaultDataFolder = data === undefined && !isEphemeral;
  return { dataFolder: resolve(base, data ?? "moraine-data"), isDefaultDataFolder, isEphemeral };
}

/** Metrics go with the API only where nobody reaches it from beyond this machine: they are not for strangers. */
function readMetrics(
  { metricsListen, insecure, trustedProxy, listen }: z.infer<typeof shape>,
  origins: Origins,
): Config["metrics"] {
  if (metricsListen === undefined) {
    return isLoopback(listen.host) && trustedProxy === undefined ? "with-api" : "off";
  }
  if (!isLoopback(metricsListen.host) && insecure === "false") {
    throw new UsageError(
      `${origins.metricsListen}: ${metricsListen.host} is not loopback, and metrics are served without TLS: give --insecure if the network is safe`,
    );
  }
  return metricsListen;
}

function optionalPath(base: string, path: string | undefined): string | null {
  return path === undefined ? null : resolve(base, path);
}

function readFaults({ allowFaults, fault, faultSeed }: z.infer<typeof shape>, origins: Origins): Config["faults"] {
  if (allowFaults === "true") {
    const texts = fault === undefined ? [] : fault.split(";");
    return { rules: texts.map((text) => readFault(text, origins.fault)), seed: faultSeed ?? null };
  }
  if (fault !== undefined) {
    throw new UsageError(
      `${origins.fault} corrupts responses: it needs --allow-faults, on a server that is for tests alone`,
    );
  }
  return null;
}

function readFault(text: string, origin: string | undefined): FaultRule {
  try {
    return parseFault(text);
  } catch (error) {
    throw error instanceof FaultError ? new UsageError(`${origin}: ${error.message}`) : error;
  }
}

function pair(first: string | undefined, second: string | undefined, rule: string): [string, string] | null {
  if ((first === undefined) !== (second === undefined)) {
    throw new UsageError(rule);
  }
  return first === undefined || second === undefined ? null : [first, second];
}
