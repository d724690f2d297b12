/**
 * Messages by which a client knows that bytes are damaged in the service's own store, so that repeating a request is of no use.
 * AWS documents no code for it: on the wire they travel with codes and in places that AWS has.
 */

/** The StatusMessage of a job that failed since its archive is damaged. */
export const damagedArchiveMessage = (archiveId: string): string => `The stored archive is damaged: ${archiveId}`;

/** Message of a ServiceUnavailableException: an output, or the requested range of it, is damaged. */
export const damagedDataMessage = "The stored data is damaged, so it is not returned. The operator has been notified.";
