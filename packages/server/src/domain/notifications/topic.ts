import { type AccountId, errors } from "@moraine/protocol";

/** Which topics the vaults of an account may name. */
export interface TopicRule {
  /** The account of the vault. */
  readonly ownerId: AccountId;
  /** Accounts whose topics the operator lets every vault name. */
  readonly sharedAccounts: ReadonlySet<string>;
}

/**
 * Throws InvalidParameterValueException for what is no ARN of a topic, and for a topic of an account that the rule does not
 * allow: the service would publish to it with the operator's credentials, in the name of somebody else. Whether the topic
 * exists, or lets anyone publish, is not asked.
 */
export function assertTopic(arn: string, rule: TopicRule): void {
  if (!isTopicArn(arn)) {
    throw errors.invalidParameter(`Invalid SNS topic ARN: ${arn}`);
  }
  if (!mayName(arn, rule)) {
    throw errors.invalidParameter(
      `Invalid SNS topic ARN: ${arn}. The topic must belong to the account of the vault, ${rule.ownerId}`,
    );
  }
}

/** Whether the rule allows the account of the topic. */
export function mayName(arn: string, { ownerId, sharedAccounts }: TopicRule): boolean {
  const account = arn.split(":")[4] ?? "";
  return account === ownerId || sharedAccounts.has(account);
}

export function isTopicArn(text: string): boolean {
  return /^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]{1,256}$/.test(text);
}
