import type { Conditions, RawPolicy, RawRequest, RawSet, RawStatement } from "./naive-evaluator.ts";
import type { Random } from "./random.ts";

/** Small universes, so that statements often apply, and often only just. */
const [owner, stranger] = ["123456789012", "210987654321"];
const vaults = ["photos", "photo", "bob", "films"].map((name) => `arn:aws:glacier:us-east-1:${owner}:vaults/${name}`);

export const knownActions = [
  "glacier:DeleteArchive",
  "glacier:InitiateJob",
  "glacier:DescribeVault",
  "glacier:ListVaults",
  "moraine:CreateUser",
];

/** A vault, the policies around it, and some requests to it. */
export function randomSet(random: Random): { vault: string; set: RawSet; requests: readonly RawRequest[] } {
  const vault = random.of(vaults);
  const set = {
    identity: random.list(0, 2, () => randomPolicy(random, () => randomStatement(random, vault, false))),
    resource: random.list(0, 2, () => randomPolicy(random, () => randomStatement(random, vault, true))),
  };
  return { vault, set, requests: random.list(5, 5, () => randomRequest(random, vault)) };
}

export function randomPolicy(random: Random, statement: () => RawStatement): RawPolicy {
  const statements = random.list(1, 3, statement);
  const Version = random.chance(0.004)
    ? "2012-10-18"
    : random.of(["2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17"]);
  return {
    ...(random.chance(0.1) ? {} : { Version }),
    Statement: statements.length === 1 && random.chance(0.5) ? (statements[0] as RawStatement) : statements,
  };
}

export function randomStatement(random: Random, vault: string, isOfVault: boolean): RawStatement {
  const Effect = random.chance(0.002) ? "deny" : random.of(["Allow", "Allow", "Deny"]);
  const action = random.oneOrMany(() => randomAction(random));
  const resource = random.oneOrMany(() => randomResource(random, vault, isOfVault));
  // A vault's policy that excludes its vault is refused, and so is an Allow of all but some principals.
  const excludesVault = isOfVault || random.chance(0.85);
  return {
    Effect,
    ...(isOfVault ? randomPrincipals(random, Effect) : {}),
    ...(random.chance(0.85) ? { Action: action } : { NotAction: action }),
    ...(excludesVault ? { Resource: resource } : { NotResource: resource }),
    ...(random.chance(0.45) ? {} : { Condition: randomConditions(random) }),
  };
}

function randomPrincipals(random: Random, effect: string): Partial<RawStatement> {
  const names = () =>
    random.oneOrMany(() =>
      random.of([
        owner,
        `arn:aws:iam::${stranger}:root`,
        `arn:aws:iam::${owner}:user/bob`,
        `arn:aws:iam::${stranger}:user/bob`,
        `arn:aws:iam::${stranger}:user/eve`,
        `arn:aws:iam::${owner}:role/bob`,
      ]),
    );
  if (random.chance(effect === "Deny" ? 0.3 : 0.004)) return { NotPrincipal: { AWS: names() } };
  return { Principal: random.of(["*" as const, { AWS: "*" }, { AWS: names() }, { AWS: names() }, { AWS: names() }]) };
}

function randomAction(random: Random): string {
  if (random.chance(0.003)) return random.of(["glacier:DeleteArchives", "s3:*", "glacier:Del"]);
  return random.of([
    "*",
    "glacier:*",
    "glacier:De*",
    "GLACIER:deletearchive",
    "glacier:DeleteArchive",
    "glacier:*Archive",
    "glacier:De*e*e*",
    "glacier:???????????",
    "glacier:InitiateJob",
    "glacier:D*t",
  ]);
}

function randomResource(random: Random, vault: string, isOfVault: boolean): string {
  const start = vault.slice(0, vault.lastIndexOf("/"));
  const fitting = [
    "*",
    vault,
    vault,
    vault.replace("us-east-1", "*"),
    `arn:aws:glacier:*:${vault.split(":")[5]}`,
    `arn:*:${owner}:vaults/*`,
    "arn:aws:glacier:us-*",
    vault.replace(/.$/, "?"),
    `${start}/\${aws:username}`,
    `${start}/\${glacier:ResourceTag/note, '*'}`,
    `${start}/\${aws:username, '${vault.slice(start.length + 1)}'}`,
    `${start}/*o*`,
  ].filter((pattern) => !isOfVault || !pattern.endsWith("*o*") || vault.includes("photo"));
  const others = [
    ...vaults,
    `${start}/ph*s`,
    `${start}/\${*}`,
    `arn:aws:iam::${owner}:user/*`,
    "arn:aws:glacier:*:vaults/f*",
  ];
  // Before 2012 a variable was a text, which names no vault.
  const plain = fitting.filter((pattern) => !pattern.includes("$"));
  return isOfVault ? random.of(plain) : random.of([...fitting, ...others]);
}

function randomConditions(random: Random): Conditions {
  return Object.fromEntries(random.list(1, 2, () => randomCondition(random)));
}

function randomCondition(random: Random): readonly [string, Conditions[string]] {
  const { key, operators, values } = random.of(subjects);
  if (random.chance(0.12))
    return ["Null", { [key]: random.oneOrMany(() => random.of(["true", "false", true, false])) }];
  if (random.chance(0.004)) return ["StringMatches", { [key]: "x" }];
  if (random.chance(0.004)) return ["StringEquals", { [random.of(["glacier:ArchiveAgeInDay", "aws:SourceIP4"])]: "x" }];
  const operator = random.of(random.chance(0.6) ? operators : textOperators);
  const set = random.of(["", "", "", "ForAllValues:", "ForAnyValue:"]);
  const name = `${set}${operator}${random.chance(0.3) ? "IfExists" : ""}`;
  return [name, { [random.chance(0.2) ? key.toUpperCase() : key]: random.oneOrMany(() => random.of(values)) }];
}

const textOperators = ["String", "StringNot"].flatMap((start) => [
  `${start}Equals`,
  `${start}EqualsIgnoreCase`,
  `${start}Like`,
]);
const ordered = ["LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals", "Equals", "NotEquals"];
const numeric = ordered.map((order) => `Numeric${order}`);
const dates = ordered.map((order) => `Date${order}`);
const arns = ["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"];
const days = ["2026-01-02", "2026-01-02T00:00:00Z", "2026-01-02T01:00:00+01:00", "2026-01-02T12:30:00.5Z", 1767312000];

const subjects: readonly {
  key: string;
  operators: readonly string[];
  values: readonly (string | number | boolean)[];
}[] = [
  { key: "glacier:ArchiveAgeInDays", operators: numeric, values: ["9", 10, "010", "365", "36.5", 100, "1000"] },
  { key: "glacier:ResourceTag/size", operators: numeric, values: ["9", 10, "-1", "100.0", "0.5"] },
  {
    key: "glacier:ResourceTag/note",
    operators: textOperators,
    values: ["", "true", "T*", "?r*e", "p*o", "photo", `\${*}`],
  },
  { key: "glacier:ResourceTag/note", operators: ["BinaryEquals"], values: ["dHJ1", "true", "", "YQ=="] },
  {
    key: "aws:SourceIp",
    operators: ["IpAddress", "NotIpAddress"],
    values: [
      "10.0.0.0/8",
      "10.1.2.3",
      "10.1.2.0/30",
      "::ffff:10.1.0.0/112",
      "0.0.0.0/0",
      "2001:db8::/33",
      "::/0",
      "2001:db8:8000::1",
    ],
  },
  { key: "aws:SecureTransport", operators: ["Bool"], values: ["true", "false", true, false, "True"] },
  { key: "aws:MultiFactorAuthPresent", operators: ["Bool"], values: ["true", false] },
  { key: "aws:CurrentTime", operators: dates, values: days },
  { key: "aws:EpochTime", operators: [...dates, ...numeric], values: ["1767312000", 1767315600, "1767357000"] },
  {
    key: "aws:username",
    operators: textOperators,
    values: [
      "bob",
      "BOB",
      "b*",
      "?ob",
      `\${aws:UserAgent}`,
      `\${glacier:ResourceTag/note}`,
      `\${glacier:resourcetag/note, 'bob'}`,
      `e\${?}e`,
      "e?e",
    ],
  },
  {
    key: "aws:UserAgent",
    operators: textOperators,
    values: ["*", `\${aws:username}`, "b*b", `\${*}`, `$\${$}`, `\${aws:UserAgent}*`],
  },
  {
    key: "aws:PrincipalArn",
    operators: arns,
    values: [
      "*",
      `arn:aws:iam::${owner}:user/bob`,
      "arn:aws:iam::*:user/*",
      `arn:aws:iam::${stranger}:*`,
      `arn:*:iam::${owner}:root`,
      `arn:aws:iam::*:user/\${aws:username}`,
    ],
  },
];

function randomRequest(random: Random, vault: string): RawRequest {
  const user = random.of(["", "bob", "eve", "bob"]);
  const account = random.of([owner, owner, stranger]) as string;
  const isOfAccount = random.chance(0.05);
  return {
    account,
    user,
    action: isOfAccount
      ? random.of(["glacier:ListVaults", "moraine:CreateUser"])
      : random.of(["glacier:DeleteArchive", "glacier:InitiateJob", "glacier:DescribeVault"]),
    resource: isOfAccount ? random.of(["*", `arn:aws:iam::${owner}:user/bob`]) : vault,
    owner: owner as string,
    context: randomContext(random, account, user),
  };
}

function randomContext(random: Random, account: string, user: string): Record<string, readonly string[]> {
  const context: Record<string, readonly string[]> = {
    "aws:principalarn": [`arn:aws:iam::${account}:${user === "" ? "root" : `user/${user}`}`],
    "aws:sourceip": [random.of(["10.1.2.3", "::ffff:10.1.2.4", "192.0.2.1", "2001:db8::1", "2001:db8:8000::1"])],
    "aws:securetransport": [random.of(["true", "false"])],
  };
  if (user !== "") context["aws:username"] = [user];
  const sometimes = (key: string, values: readonly string[], more = 0) => {
    if (random.chance(0.7)) context[key] = random.list(1, 1 + more, () => random.of(values));
  };
  sometimes("glacier:archiveageindays", ["0", "9", "10", "100", "364", "365", "1000"]);
  sometimes("glacier:resourcetag/size", ["9", "10", "100", "-1", ".", "ten", ""], 1);
  sometimes("glacier:resourcetag/note", ["", "true", "TRUE", "photo", "photos", "bob", "*"], 1);
  sometimes("aws:multifactorauthpresent", ["true", "false"]);
  sometimes("aws:useragent", ["bob", "*", "b*b", "$$", "eve"]);
  sometimes("aws:currenttime", [
    "2026-01-01T23:59:59.999Z",
    "2026-01-02T00:00:00.000Z",
    "2026-01-02T12:30:00.250Z",
    "2026-01-02T12:30:00.500Z",
  ]);
  sometimes("aws:epochtime", ["1767311999", "1767312000", "1767315600"]);
  return context;
}
