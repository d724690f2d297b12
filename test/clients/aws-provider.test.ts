import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, glob, mkdir, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { GlacierHttp } from "../support/glacier-http.ts";
import { labFile, type Presence, succeed, withServer } from "./lab.ts";

// Terraform. The runner starts files in the order of their names, and this one takes longest.

const provider = "registry.terraform.io/hashicorp/aws";
/** Where Terraform looks by itself, and where machines without a network have a mirror. */
const mirrors = [
  `${homedir()}/.terraform.d/plugins`,
  "/usr/share/terraform/plugins",
  "/usr/local/share/terraform/plugins",
  "/opt/*",
];

/** The folder of plugins that has the AWS provider. */
async function findMirror(): Promise<{ path: string; version: string } | null> {
  for (const mirror of mirrors) {
    for await (const found of glob(`${mirror}/${provider}/*`)) {
      return { path: found.slice(0, found.indexOf(`/${provider}/`)), version: found.slice(dirname(found).length + 1) };
    }
  }
  return null;
}

async function terraformVersion(): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)("terraform", ["version", "-json"]);
    return (JSON.parse(stdout) as { terraform_version: string }).terraform_version;
  } catch {
    return null;
  }
}

const mirror = await findMirror();
const version = await terraformVersion();
const presence: Presence = {
  version: `${version} with the AWS provider ${mirror?.version}`,
  missing:
    (version === null && "not installed: terraform") || (mirror === null && `not installed: a mirror with ${provider}`),
};

test(
  "Terraform makes a vault with a lock, imports it, finds nothing to change and destroys it",
  {
    skip: presence.missing,
  },
  (context) =>
    withServer(async (server, folder) => {
      const cwd = `${folder}/terraform`;
      await mkdir(cwd);
      await copyFile(labFile("terraform/main.tf"), `${cwd}/main.tf`);
      const settings = `provider_installation {\n  filesystem_mirror {\n    path = "${mirror?.path}"\n  }\n}\n`;
      await writeFile(`${cwd}/settings.tfrc`, settings);
      const environment = {
        CHECKPOINT_DISABLE: "1",
        TF_CLI_CONFIG_FILE: `${cwd}/settings.tfrc`,
        TF_IN_AUTOMATION: "1",
        TF_VAR_endpoint: server.url,
      };
      const terraform = (command: string, ...args: readonly string[]) =>
        succeed(server, "terraform", [command, "-no-color", "-input=false", ...args], {
          cwd,
          environment,
          secondsMax: 600,
        });
      const glacier = new GlacierHttp(server.url);
      const send = (path: string) => glacier.send({ method: "GET", path });

      await terraform("init");
      await terraform("apply", "-auto-approve");
      assert.match(String((await send("/-/vaults/photos/lock-policy")).body), /"State":"Locked"/);
      // `state rm` knows no -input.
      await succeed(server, "terraform", ["state", "rm", "-no-color", "aws_glacier_vault.photos"], {
        cwd,
        environment,
      });
      await terraform("import", "aws_glacier_vault.photos", "photos");
      // Ends with 2 when there is something to change.
      await terraform("plan", "-detailed-exitcode");
      await terraform("destroy", "-auto-approve", "-refresh=false");
      assert.equal((await send("/-/vaults/photos")).status, 404);
      glacier.close();
      context.diagnostic(
        `Terraform ${presence.version}: vault, tags, policy, notifications, lock, import, a second plan without changes, destroy, ` +
          "STS; left out: archives and jobs, which have no resources",
      );
    }),
);
