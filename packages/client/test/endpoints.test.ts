import assert from "node:assert/strict";
import { test } from "node:test";
import { awsEndpoint, createClient } from "@moraine/client";

const keys = { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "secret" };
const region = "us-east-1";
const clientAt = (endpoint: string) => createClient({ region, credentials: keys, endpoint });

test("each partition has its own domain", () => {
  const hosts = {
    "us-east-1": "glacier.us-east-1.amazonaws.com",
    "us-gov-west-1": "glacier.us-gov-west-1.amazonaws.com",
    "cn-north-1": "glacier.cn-north-1.amazonaws.com.cn",
    "eusc-de-east-1": "glacier.eusc-de-east-1.amazonaws.eu",
    "us-iso-east-1": "glacier.us-iso-east-1.c2s.ic.gov",
    "us-isob-east-1": "glacier.us-isob-east-1.sc2s.sgov.gov",
    "eu-isoe-west-1": "glacier.eu-isoe-west-1.cloud.adc-e.uk",
    "us-isof-south-1": "glacier.us-isof-south-1.csp.hci.ic.gov",
  };
  for (const [name, host] of Object.entries(hosts)) {
    assert.equal(awsEndpoint(name).href, `https://${host}/`);
  }
});

test("an invalid region is refused", () => {
  for (const name of ["", "example.com/", "us-east-1.example.com#", "us-east-1@example.com", "US-EAST-1"]) {
    assert.throws(
      () => createClient({ region: name, credentials: keys }),
      /^TypeError: Invalid region .*: expected one like us-east-1/,
    );
  }
});

test("plain HTTP is refused to AWS's hosts, in any spelling", () => {
  const refused = [
    "http://glacier.us-east-1.amazonaws.com",
    "http://GLACIER.us-east-1.AmazonAWS.com:80",
    "http://glacier.us-east-1.amazonaws.com.:8080",
    "http://amazonaws.com",
    "http://glacier.cn-north-1.amazonaws.com.cn",
    "http://glacier.us-iso-east-1.c2s.ic.gov",
    "http://glacier.us-east-1.api.aws",
    "http://glacier.us-east-1.%61mazonaws.com",
  ];
  for (const endpoint of refused) {
    assert.throws(() => clientAt(endpoint), /^TypeError: Invalid endpoint .*: plain HTTP is refused to AWS/, endpoint);
  }
  for (const endpoint of [
    "http://127.0.0.1:8484",
    "http://nas.local",
    "http://notamazonaws.com",
    "https://glacier.us-east-1.amazonaws.com",
  ]) {
    assert.doesNotThrow(() => clientAt(endpoint), endpoint);
  }
});

test("an endpoint is a scheme, a host and a port, and nothing else", () => {
  for (const endpoint of ["127.0.0.1:8484", "ftp://example.com", "", "//example.com"]) {
    assert.throws(() => clientAt(endpoint), /^TypeError: Invalid endpoint .*: expected a URL like/, endpoint);
  }
  for (const endpoint of ["https://example.com/glacier", "https://example.com/?a=b", "https://example.com/#a"]) {
    assert.throws(
      () => clientAt(endpoint),
      /^TypeError: Invalid endpoint .*: it must end with its host or port/,
      endpoint,
    );
  }
  assert.throws(
    () => clientAt("https://user:secret@example.com"),
    (error) => !String(error).includes("secret"),
  );
});
