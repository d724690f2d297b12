import { arn } from "./glacier.ts";

/** A policy document about one vault that says something, and nothing that a test depends on. */
export function policyFor(vault: string, statement: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "some",
        Effect: "Allow",
        Principal: { AWS: "arn:aws:iam::999999999999:root" },
        Action: "glacier:DescribeVault",
        Resource: arn(vault),
        ...statement,
      },
    ],
  });
}

/** A policy of exactly this many bytes: white space at its end is part of what is kept. */
export const policyOfSize = (vault: string, sizeBytes: number): string => policyFor(vault).padEnd(sizeBytes, " ");

const without = (vault: string, member: string) => policyFor(vault, { [member]: undefined });

/** Documents that are refused when they are set (docs/wire.md#access-policy), each with the reason. */
export function badPolicies(vault: string): ReadonlyArray<readonly [what: string, document: string]> {
  return [
    ["an empty text", ""],
    ["no JSON", "{"],
    ["a list", "[]"],
    ["null", "null"],
    ["no Statement", '{"Version":"2012-10-17"}'],
    ["no statements", '{"Version":"2012-10-17","Statement":[]}'],
    ["a statement without Effect", without(vault, "Effect")],
    ["a statement without Principal", without(vault, "Principal")],
    ["a statement without Action", without(vault, "Action")],
    ["a statement without Resource", without(vault, "Resource")],
    ["another Effect", policyFor(vault, { Effect: "allow" })],
    ["an action of another service", policyFor(vault, { Action: "s3:GetObject" })],
    ["an action that is unknown", policyFor(vault, { Action: "glacier:Describe" })],
    ["another vault's ARN", policyFor(`${vault}-2`)],
    ["another region's ARN", policyFor(vault, { Resource: arn(vault).replace("us-east-1", "eu-west-1") })],
    ["an unknown condition", policyFor(vault, { Condition: { StringAlmost: { "aws:UserAgent": "x" } } })],
    ["half a character", policyFor(vault, { Sid: "x" }).replace('"x"', '"\ud800"')],
    ["20,481 bytes", policyOfSize(vault, 20_481)],
    ["20,481 bytes in fewer characters", `${policyOfSize(vault, 20_479).replace('"some"', '"soéé"')}`],
    ["a key that stands twice", policyFor(vault).replace('"Version"', '"Version":"2012-10-17","Version"')],
  ];
}

/** Documents that look odd and are good. */
export function goodPolicies(vault: string): ReadonlyArray<readonly [what: string, document: string]> {
  return [
    ["white space and line breaks", JSON.stringify(JSON.parse(policyFor(vault)), null, "\t\n ")],
    ["one statement without brackets", policyFor(vault).replace("[", "").replace("]", "")],
    ["the same action twice", policyFor(vault, { Action: ["glacier:DescribeVault", "glacier:DescribeVault"] })],
    ["a wildcard that matches the vault", policyFor(vault, { Resource: `${arn("")}*` })],
    ["exactly 20,480 bytes", policyOfSize(vault, 20_480)],
    ["letters beyond ASCII", policyFor(vault, { Sid: "soéé" })],
    ["escapes", policyFor(vault).replace("some", "\\u0073ome")],
  ];
}
