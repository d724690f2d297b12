import { NoEndpointError, type Notifier } from "../domain/notifier.ts";

/** Where topics lead. */
export interface Routes {
  /** Serves these topics. */
  readonly webhooks: { readonly topics: ReadonlySet<string>; readonly notifier: Notifier };
  /** Serves all others; null is nobody. */
  readonly sns: Notifier | null;
}

export function routedNotifier({ webhooks, sns }: Routes): Notifier {
  return {
    async notify(notification, signal) {
      const notifier = webhooks.topics.has(notification.topic) ? webhooks.notifier : sns;
      if (notifier === null) {
        throw new NoEndpointError();
      }
      await notifier.notify(notification, signal);
    },
  };
}
