import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { dashboard, dashboardFile } from "./support/expressions.ts";

// The dashboard as Grafana's importer and its panels need it. Its metrics: test/metrics.test.ts and test/system/alerts.test.ts.
// Fields: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/

const source = { type: "prometheus", uid: "$" + "{datasource}" };
/** Older versions are converted by the importer, and newer ones are refused by a Grafana of before. */
const schemaVersions = { oldest: 36, newest: 39 };
const gridColumns = 24;
/** Panels of Grafana itself: others would have to be installed. */
const panelTypes = ["bargauge", "gauge", "heatmap", "row", "stat", "table", "text", "timeseries"];

const { uid, title, schemaVersion, templating, panels, ...rest } = dashboard();
const sources = [
  ...panels.flatMap(({ datasource, targets }) => [datasource, ...targets.map((target) => target.datasource)]),
  ...templating.list.flatMap(({ datasource }) => datasource ?? []),
];

test("the dashboard has the identity and the version that an import needs, and no number of another Grafana", () => {
  assert.match(uid, /^[\w-]{1,40}$/);
  assert.notEqual(title, "");
  assert.ok(Number.isSafeInteger(schemaVersion));
  assert.ok(schemaVersion >= schemaVersions.oldest && schemaVersion <= schemaVersions.newest, `${schemaVersion}`);
  assert.deepEqual(
    Object.keys(rest).filter((name) => ["id", "__inputs", "__requires", "dashboard"].includes(name)),
    [],
  );
});

test("each panel and query takes the data source that the user chooses", () => {
  const [chosen] = templating.list.filter(({ type }) => type === "datasource");
  assert.equal(`\${${chosen?.name}}`, source.uid);
  assert.ok(sources.length > panels.length * 2);
  for (const found of sources) {
    assert.deepEqual(found, source);
  }
});

test("each variable that an expression or a title names is defined, or Grafana's own", () => {
  const defined = new Set([...templating.list.map(({ name }) => name), "__rate_interval", "__range", "__interval"]);
  const text = readFileSync(dashboardFile, "utf8");
  const named = [...text.matchAll(/\$\{?(\w+)/g)].map(([, name = ""]) => name);
  assert.ok(named.length > panels.length);
  assert.deepEqual(
    named.filter((name) => !defined.has(name)),
    [],
  );
});

test("panels have titles, types that come with Grafana, and queries with names of their own", () => {
  for (const { title: name, type, targets } of panels) {
    assert.notEqual(name, "");
    assert.ok(panelTypes.includes(type), `${name}: ${type}`);
    assert.ok(type === "row" || targets.length > 0, name);
    assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, name);
    assert.ok(
      targets.every(({ refId, expr }) => /^[A-Z]+$/.test(refId) && expr !== ""),
      name,
    );
  }
});

test("panels have ids of their own, and do not overlap", () => {
  assert.ok(panels.every(({ id }) => Number.isSafeInteger(id) && id > 0));
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  const places = panels.flatMap(({ title: name, gridPos: { x, y, w, h } }) => {
    assert.ok(
      [x, y, w, h].every(Number.isSafeInteger) && x >= 0 && y >= 0 && w > 0 && h > 0 && x + w <= gridColumns,
      name,
    );
    return Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`);
  });
  assert.equal(new Set(places).size, places.length);
});
