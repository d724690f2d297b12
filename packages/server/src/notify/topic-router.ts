import { NoEndpointError, type Notifier, UndeliverableError } from "../domain/notifications/notifier.ts";
import { mayName } from "../domain/notifications/topic.ts";

/** Where topics lead. */
export interface Routes {
  /** Serves these topics. */
  readonly webhooks: { readonly topics: ReadonlySet<string>; readonly notifier: Notifier };
  /** Serves all others; null is nobody. */
  readonly sns: Notifier | null;
  /** Accounts whose topics every vault may name, next to those of its own account. */
  readonly sharedTopicAccounts: ReadonlySet<string>;
}

/** Checks the account of the topic again: a vault or a job may have been given it when the operator allowed more. */
export function routedNotifier({ webhooks, sns, sharedTopicAccounts: sharedAccounts }: Routes): Notifier {
  return {
    async notify(notification, signal) {
      const { topic, accountId: ownerId } = notification;
      if (!mayName(topic, { ownerId, sharedAccounts })) {
        throw new UndeliverableError("the topic belongs to another account");
      }
      const notifier = webhooks.topics.has(topic) ? webhooks.notifier : sns;
      if (notifier === null) {
        throw new NoEndpointError();
      }
      await notifier.notify(notification, signal);
    },
  };
}
