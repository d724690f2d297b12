import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RecordingEndpoints } from "../support/recording-endpoints.ts";

export type Tool = "moraine" | "boto3" | "aws-cli";

/** An environment, and what must be chosen in it. */
export interface Chosen {
  readonly name: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly options: Readonly<Partial<Record<"profile" | "endpoint" | "ca", string>>>;
  /** The endpoint and the key's id with its session token; `error` where nothing may be asked. */
  readonly expected: string;
  /** The choice of a tool that differs, and why that is left so. */
  readonly unlike?: Partial<Record<Tool | "aws-cli 1", { readonly chosen: string; readonly reason: string }>>;
  /** The choice of tools that know no endpoints in variables and files, as boto3 before 1.31 and aws-cli before 2.13. */
  readonly withoutEndpoints?: string;
}

interface Row extends Partial<Omit<Chosen, "name" | "expected" | "variables">> {
  readonly env?: Readonly<Record<string, string>>;
  readonly config?: string;
  readonly credentials?: string;
}

const aws = "https://glacier.us-east-1.amazonaws.com";
const keys = (id: string) => `aws_access_key_id = ${id}\naws_secret_access_key = secret\n`;
const env = (id: string) => ({ AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: "secret" });
const keyEnv = env("AKIAENV");
const one = `[profile one]\n${keys("AKIAONE")}`;
const two = `[profile two]\n${keys("AKIATWO")}`;
const fileDefault = `[default]\n${keys("AKIAFILE")}`;
const printed = JSON.stringify({ Version: 1, AccessKeyId: "AKIAPROCESS", SecretAccessKey: "secret" });
const process = `credential_process = /bin/echo '${printed}'\n`;

type Rows = readonly (readonly [name: string, expected: string, row: Row])[];

const olderFirst =
  "boto3 and aws-cli 1 prefer AWS_DEFAULT_PROFILE; this command prefers AWS_PROFILE, as aws-cli 2 and AWS's documentation.";

const credentialRows: Rows = [
  ["keys in the environment", `${aws} AKIAENV`, { env: keyEnv }],
  ["keys with a session token", `${aws} AKIAENV+TOKEN`, { env: { ...keyEnv, AWS_SESSION_TOKEN: "TOKEN" } }],
  ["keys with a token of the old name", `${aws} AKIAENV+OLD`, { env: { ...keyEnv, AWS_SECURITY_TOKEN: "OLD" } }],
  [
    "keys with tokens of both names",
    `${aws} AKIAENV+OLD`,
    { env: { ...keyEnv, AWS_SECURITY_TOKEN: "OLD", AWS_SESSION_TOKEN: "TOKEN" } },
  ],
  ["keys, and others in the files", `${aws} AKIAENV`, { env: keyEnv, credentials: fileDefault }],
  ["keys before AWS_PROFILE", `${aws} AKIAENV`, { env: { ...keyEnv, AWS_PROFILE: "one" }, config: one }],
  ["keys, and a missing AWS_PROFILE", "error", { env: { ...keyEnv, AWS_PROFILE: "nope" }, config: one }],
  ["AWS_PROFILE", `${aws} AKIAONE`, { env: { AWS_PROFILE: "one" }, config: one + two }],
  ["AWS_DEFAULT_PROFILE", `${aws} AKIAONE`, { env: { AWS_DEFAULT_PROFILE: "one" }, config: one + two }],
  [
    "AWS_PROFILE before AWS_DEFAULT_PROFILE",
    `${aws} AKIATWO`,
    {
      env: { AWS_DEFAULT_PROFILE: "one", AWS_PROFILE: "two" },
      config: one + two,
      unlike: {
        boto3: { chosen: `${aws} AKIAONE`, reason: olderFirst },
        "aws-cli 1": { chosen: `${aws} AKIAONE`, reason: olderFirst },
      },
    },
  ],
  ["the option before keys", `${aws} AKIAONE`, { env: keyEnv, config: one, options: { profile: "one" } }],
  [
    "the option before AWS_PROFILE",
    `${aws} AKIATWO`,
    { env: { AWS_PROFILE: "one" }, config: one + two, options: { profile: "two" } },
  ],
  ["a missing profile as option", "error", { env: keyEnv, config: one, options: { profile: "nope" } }],
  ["keys of the default profile", `${aws} AKIAFILE`, { credentials: fileDefault }],
  ["keys of the config file", `${aws} AKIAFILE`, { config: fileDefault }],
  [
    "the credentials file before the config file",
    `${aws} AKIAFILE`,
    { credentials: fileDefault, config: `[default]\n${keys("AKIACONFIG")}` },
  ],
  [
    "a profile of the credentials file",
    `${aws} AKIAONE`,
    { env: { AWS_PROFILE: "one" }, credentials: `[one]\n${keys("AKIAONE")}` },
  ],
  ["a section without the word profile", "error", { env: { AWS_PROFILE: "one" }, config: `[one]\n${keys("AKIAONE")}` }],
  ["a session token of a file", `${aws} AKIAFILE+FILE`, { credentials: `${fileDefault}aws_session_token = FILE\n` }],
  [
    "a session token left over in the environment",
    `${aws} AKIAFILE`,
    { env: { AWS_SESSION_TOKEN: "LEFT" }, credentials: fileDefault },
  ],
  [
    "a file's session token next to keys in the environment",
    `${aws} AKIAENV`,
    { env: keyEnv, credentials: `${fileDefault}aws_session_token = FILE\n` },
  ],
  ["a key without its secret", "error", { env: { AWS_ACCESS_KEY_ID: "AKIAENV" }, credentials: fileDefault }],
  [
    "a secret without its key",
    `${aws} AKIAFILE`,
    { env: { AWS_SECRET_ACCESS_KEY: "secret" }, credentials: fileDefault },
  ],
  ["a profile's key without its secret", "error", { credentials: "[default]\naws_access_key_id = AKIAFILE\n" }],
  [
    "an empty key",
    `${aws} AKIAFILE`,
    { env: { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "" }, credentials: fileDefault },
  ],
  [
    "names in capitals in a file",
    `${aws} AKIAFILE`,
    { credentials: "[default]\nAWS_ACCESS_KEY_ID = AKIAFILE\nAWS_SECRET_ACCESS_KEY = secret\n" },
  ],
  ["a process", `${aws} AKIAPROCESS`, { config: `[default]\n${process}` }],
  [
    "a process, and keys of the credentials file",
    `${aws} AKIAFILE`,
    { config: `[default]\n${process}`, credentials: fileDefault },
  ],
  [
    "a role of a profile",
    `${aws} ASIAROLE+ROLE`,
    {
      env: { AWS_PROFILE: "role" },
      config: `[profile role]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = one\n${one}`,
    },
  ],
  [
    "a role, and keys in the environment",
    `${aws} AKIAENV`,
    {
      env: { ...keyEnv, AWS_PROFILE: "role" },
      config: `[profile role]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = one\n${one}`,
    },
  ],
  [
    "a role with a web identity",
    `${aws} ASIAROLE+ROLE`,
    {
      env: { AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/r", AWS_WEB_IDENTITY_TOKEN_FILE: "web-identity-token" },
    },
  ],
  [
    "a container's keys",
    `${aws} ASIACONTAINER+CONTAINER`,
    { env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: "CONTAINER" } },
  ],
  [
    "a container's keys after a profile's",
    `${aws} AKIAFILE`,
    { env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: "CONTAINER" }, credentials: fileDefault },
  ],
  [
    "keys that expire",
    `${aws} AKIAENV+TOKEN`,
    { env: { ...keyEnv, AWS_SESSION_TOKEN: "TOKEN", AWS_CREDENTIAL_EXPIRATION: "2036-01-01T00:00:00Z" } },
  ],
  ["no keys at all", "error", {}],
  [
    "an empty AWS_PROFILE",
    `${aws} AKIAFILE`,
    {
      env: { AWS_PROFILE: "" },
      credentials: fileDefault,
      unlike: Object.fromEntries(
        ["boto3", "aws-cli", "aws-cli 1"].map((tool) => [
          tool,
          {
            chosen: "error",
            reason:
              "They look for a profile of no name. An empty variable is one that is not set, as for AWS's other SDKs.",
          },
        ]),
      ),
    },
  ],
];

const endpointRows: Rows = [
  [
    "AWS_ENDPOINT_URL",
    "global AKIAENV",
    { env: { ...keyEnv, AWS_ENDPOINT_URL: "GLOBAL" }, withoutEndpoints: `${aws} AKIAENV` },
  ],
  [
    "the variable of the service first",
    "service AKIAENV",
    {
      env: { ...keyEnv, AWS_ENDPOINT_URL: "GLOBAL", AWS_ENDPOINT_URL_GLACIER: "SERVICE" },
      withoutEndpoints: `${aws} AKIAENV`,
    },
  ],
  ["another service's variable", `${aws} AKIAENV`, { env: { ...keyEnv, AWS_ENDPOINT_URL_S3: "GLOBAL" } }],
  [
    "a profile's endpoint_url",
    "profile AKIAENV",
    { env: keyEnv, config: "[default]\nendpoint_url = PROFILE\n", withoutEndpoints: `${aws} AKIAENV` },
  ],
  [
    "an endpoint_url of the credentials file",
    "profile AKIAFILE",
    { credentials: `${fileDefault}endpoint_url = PROFILE\n`, withoutEndpoints: `${aws} AKIAFILE` },
  ],
  [
    "a section of services",
    "section AKIAENV",
    {
      env: keyEnv,
      config:
        "[default]\nservices = mine\nendpoint_url = PROFILE\n[services mine]\nglacier =\n  endpoint_url = SECTION\n",
      withoutEndpoints: `${aws} AKIAENV`,
    },
  ],
  [
    "a section of other services",
    "profile AKIAENV",
    {
      env: keyEnv,
      config: "[default]\nservices = mine\nendpoint_url = PROFILE\n[services mine]\ns3 =\n  endpoint_url = SECTION\n",
      withoutEndpoints: `${aws} AKIAENV`,
    },
  ],
  [
    "a missing section of services",
    "error",
    { env: keyEnv, config: "[default]\nservices = nope\n", withoutEndpoints: `${aws} AKIAENV` },
  ],
  [
    "a variable before a section of services",
    "global AKIAENV",
    {
      env: { ...keyEnv, AWS_ENDPOINT_URL: "GLOBAL" },
      config: "[default]\nservices = mine\n[services mine]\nglacier =\n  endpoint_url = SECTION\n",
      withoutEndpoints: `${aws} AKIAENV`,
    },
  ],
  [
    "the endpoint of a named profile",
    "profile AKIAONE",
    { env: { AWS_PROFILE: "one" }, config: `${one}endpoint_url = PROFILE\n`, withoutEndpoints: `${aws} AKIAONE` },
  ],
  [
    "variables that are ignored",
    `${aws} AKIAENV`,
    {
      env: { ...keyEnv, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true", AWS_ENDPOINT_URL: "GLOBAL" },
      config: "[default]\nendpoint_url = PROFILE\n",
    },
  ],
  [
    "variables that the profile ignores",
    `${aws} AKIAENV`,
    {
      env: { ...keyEnv, AWS_ENDPOINT_URL: "GLOBAL" },
      config: "[default]\nignore_configured_endpoint_urls = true\n",
    },
  ],
  [
    "the option before all others",
    "option AKIAENV",
    {
      env: { ...keyEnv, AWS_ENDPOINT_URL_GLACIER: "SERVICE", AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true" },
      options: { endpoint: "OPTION" },
    },
  ],
  [
    "an endpoint that ends with a slash",
    "global AKIAENV",
    { env: { ...keyEnv, AWS_ENDPOINT_URL: "GLOBAL/" }, withoutEndpoints: `${aws} AKIAENV` },
  ],
  [
    "a proxy for plain HTTP",
    "proxy AKIAENV",
    { env: { ...keyEnv, HTTP_PROXY: "PROXY" }, options: { endpoint: "OPTION" } },
  ],
  [
    "a proxy in lower case",
    "proxy AKIAENV",
    { env: { ...keyEnv, http_proxy: "PROXY" }, options: { endpoint: "OPTION" } },
  ],
  [
    "a host that needs no proxy",
    "option AKIAENV",
    { env: { ...keyEnv, HTTP_PROXY: "PROXY", NO_PROXY: "127.0.0.1" }, options: { endpoint: "OPTION" } },
  ],
];

const eu = "https://glacier.eu-west-1.amazonaws.com";
const noRegion = { AWS_REGION: "", AWS_DEFAULT_REGION: "" };
const onlyOther =
  "boto3 and aws-cli 1 read AWS_DEFAULT_REGION alone; this command reads AWS_REGION first, as aws-cli 2 does.";
const trustRows: Rows = [
  [
    "a profile's region",
    `${eu} AKIAENV`,
    { env: { ...keyEnv, ...noRegion }, config: "[default]\nregion = eu-west-1\n" },
  ],
  [
    "a variable's region before a profile's",
    `${aws} AKIAENV`,
    { env: keyEnv, config: "[default]\nregion = eu-west-1\n" },
  ],
  [
    "AWS_REGION alone",
    `${eu} AKIAENV`,
    {
      env: { ...keyEnv, AWS_REGION: "eu-west-1", AWS_DEFAULT_REGION: "" },
      unlike: { boto3: { chosen: "error", reason: onlyOther }, "aws-cli 1": { chosen: "error", reason: onlyOther } },
    },
  ],
  [
    "AWS_REGION before AWS_DEFAULT_REGION",
    `${eu} AKIAENV`,
    {
      env: { ...keyEnv, AWS_REGION: "eu-west-1", AWS_DEFAULT_REGION: "us-east-1" },
      unlike: {
        boto3: { chosen: `${aws} AKIAENV`, reason: onlyOther },
        "aws-cli 1": { chosen: `${aws} AKIAENV`, reason: onlyOther },
      },
    },
  ],
  ["no region", "error", { env: { ...keyEnv, ...noRegion } }],
  [
    "a region of another partition",
    "https://glacier.cn-north-1.amazonaws.com.cn AKIAENV",
    { env: { ...keyEnv, AWS_REGION: "cn-north-1", AWS_DEFAULT_REGION: "cn-north-1" } },
  ],
  [
    "certificates of a profile",
    `${aws} AKIAENV`,
    { env: { ...keyEnv, AWS_CA_BUNDLE: "" }, config: "[default]\nca_bundle = CERTIFICATES\n" },
  ],
  ["certificates that are not trusted", "error", { env: { ...keyEnv, AWS_CA_BUNDLE: "" } }],
  [
    "certificates of a variable before a profile's",
    `${aws} AKIAENV`,
    { env: keyEnv, config: "[default]\nca_bundle = /nowhere\n" },
  ],
  ["a missing file of certificates", "error", { env: { ...keyEnv, AWS_CA_BUNDLE: "/nowhere" } }],
  [
    "certificates as an option",
    `${aws} AKIAENV`,
    { env: { ...keyEnv, AWS_CA_BUNDLE: "/nowhere" }, options: { ca: "CERTIFICATES" } },
  ],
];

/** Writes the files of each environment, with the addresses of the endpoints in the place of their names. */
export async function environmentsOf(folder: string, endpoints: RecordingEndpoints): Promise<Chosen[]> {
  const addresses: Record<string, string> = {
    PROXY: await endpoints.proxy(folder),
    CERTIFICATES: endpoints.ca,
    "web-identity-token": join(folder, "web-identity-token"),
  };
  for (const label of ["service", "global", "profile", "section", "option", "container"]) {
    addresses[label.toUpperCase()] = await endpoints.plain(label);
  }
  const pattern = new RegExp(`(?<![A-Z_+])(${Object.keys(addresses).join("|")})(?![A-Z_])`, "g");
  const filled = (value: string) => value.replace(pattern, (name) => addresses[name] ?? name);
  const filledIn = (values: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, filled(value)]));
  const rows = [...credentialRows, ...endpointRows, ...trustRows];
  return Promise.all(
    rows.map(
      async ([name, expected, { env: given = {}, config = "", credentials = "", options = {}, ...rest }], index) => {
        const files = join(folder, `environment-${index}`);
        await mkdir(files);
        await writeFile(join(files, "config"), filled(config));
        await writeFile(join(files, "credentials"), filled(credentials));
        const variables = {
          ...{ PATH: "/usr/bin:/bin", HOME: join(folder, "home"), AWS_PAGER: "", AWS_EC2_METADATA_DISABLED: "true" },
          ...{ AWS_REGION: "us-east-1", AWS_DEFAULT_REGION: "us-east-1", AWS_CA_BUNDLE: endpoints.ca },
          ...{ AWS_CONFIG_FILE: join(files, "config"), AWS_SHARED_CREDENTIALS_FILE: join(files, "credentials") },
          HTTPS_PROXY: addresses["PROXY"] ?? "",
          ...filledIn(given),
        };
        const set = Object.fromEntries(
          Object.entries(variables).filter(
            ([key, value]) => value !== "" || (!key.includes("REGION") && key !== "AWS_CA_BUNDLE"),
          ),
        );
        return { name, expected, variables: set, options: filledIn(options as Record<string, string>), ...rest };
      },
    ),
  );
}
