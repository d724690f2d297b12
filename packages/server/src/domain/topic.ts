import { errors } from "@moraine/protocol";

/** Throws InvalidParameterValueException. Whether the topic exists, or lets anyone publish, is not asked (contract 8.1). */
export function assertTopicArn(arn: string): void {
  if (!isTopicArn(arn)) {
    throw errors.invalidParameter(`Invalid SNS topic ARN: ${arn}`);
  }
}

export function isTopicArn(text: string): boolean {
  return /^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]{1,256}$/.test(text);
}
