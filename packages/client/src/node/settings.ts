import { chosenProfile, type Environment, filesContain, loadProfile, type Profile } from "./profile.ts";

/** The settings that AWS's tools would use, for those that a caller does not give. */
export interface Settings {
  /** Rejects with a TypeError if the chosen profile does not exist, even if nothing of it is needed. */
  assertProfile(): Promise<void>;
  region(): Promise<string>;
  /** Resolves to the endpoint; undefined for AWS's own. */
  endpoint(): Promise<string | undefined>;
  /** Resolves to the path of the file of certificates; undefined for Node's own. */
  caBundle(): Promise<string | undefined>;
}

/** Returns settings from the environment, else from the profile. Its files are read when the first setting needs them. */
export function settingsOf(environment: Environment, explicit: string | undefined): Settings {
  let loaded: Promise<Profile> | undefined;
  const profile = () => {
    loaded ??= loadProfile(environment, explicit);
    return loaded;
  };
  const ofProfile = async (field: string) =>
    (await filesContain(environment, field)) ? (await profile()).fields[field] : undefined;
  return {
    assertProfile: async () => {
      if (chosenProfile(environment, explicit) !== undefined) {
        await profile();
      }
    },
    region: async () => {
      const region =
        environment["AWS_REGION"] || environment["AWS_DEFAULT_REGION"] || (await profile()).fields["region"];
      if (!region) {
        throw new TypeError("No region is set: give one, set AWS_REGION, or add it to the profile");
      }
      return region;
    },
    endpoint: async () => {
      const ignored = environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"];
      if (isTrue(ignored || (await ofProfile("ignore_configured_endpoint_urls")))) {
        return undefined;
      }
      const named = environment["AWS_ENDPOINT_URL_GLACIER"] || environment["AWS_ENDPOINT_URL"];
      return named || profileEndpoint(await profile());
    },
    caBundle: async () => environment["AWS_CA_BUNDLE"] || (await ofProfile("ca_bundle")) || undefined,
  };
}

/** See https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html */
function profileEndpoint({ fields, services }: Profile): string | undefined {
  return services["glacier.endpoint_url"] || fields["endpoint_url"] || undefined;
}

const isTrue = (value: string | undefined) => value?.toLowerCase() === "true";
