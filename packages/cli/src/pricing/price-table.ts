/** The speeds at which Glacier retrieves an archive. */
export const retrievalTiers = ["Expedited", "Standard", "Bulk"] as const;
export type RetrievalTier = (typeof retrievalTiers)[number];

/** Prices of vaults, in US dollars. `--prices FILE` reads the same shape as JSON. A GB is 2^30 bytes, as in AWS's bills. */
export interface PriceTable {
  /** The day of the newest figure, like 2026-01-31. */
  readonly date: string;
  readonly currency: "USD";
  /** Where the figures were found. */
  readonly source: string;
  /** By the region's name. */
  readonly regions: Readonly<Record<string, RegionPrices>>;
}

export interface RegionPrices {
  /** Also what an early deletion costs for each month that an archive has not been stored. */
  readonly storagePerGbMonth: number;
  readonly retrieval: Readonly<Record<RetrievalTier, RetrievalPrice>>;
  /** For an inventory, which is one request of any number of archives. */
  readonly inventoryPerThousandRequests: number;
  /** For UploadArchive, and for each request of a multipart upload. */
  readonly uploadPerThousandRequests: number;
  /** For PUT and the requests of a multipart upload to S3's standard class. */
  readonly s3PutPerThousandRequests: number;
  /** For GET and HEAD there. @default the price of PUT, which is higher */
  readonly s3GetPerThousandRequests?: number;
  /** Data transfer to the internet that is free in each month. */
  readonly egressFreeGb: number;
  /** Data transfer to the internet in a month, cheaper step by step. The last step has no end. */
  readonly egress: readonly EgressStep[];
  /** True for prices that were not found, but derived from those of another region. @default false */
  readonly isDerived?: boolean;
}

export interface RetrievalPrice {
  readonly perGb: number;
  readonly perThousandRequests: number;
}

export interface EgressStep {
  /** The end of the step, counted from the month's first GB. Null for the last. */
  readonly upToGb: number | null;
  readonly perGb: number;
}

export const gigabyteBytes = 1024 ** 3;
/** The service counts and bills this for each archive in addition to its bytes, as long as it is stored. */
export const overheadBytes = 32 * 1024;
/** An archive that is deleted earlier is billed as if it had been stored for this time. */
export const minimumStorageDays = 90;
