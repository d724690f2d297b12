// Lines of docs/operating.md that no test can run as they stand: systemd does not run here, and the packages may not be published.
// All other lines run unchanged. Units are judged by test/system/units.test.ts.

/** Lines of the page, and the commands that replace them: functions of units.sh. */
const standIns: Readonly<Record<string, string>> = {
  "systemctl daemon-reload": ":",
  "systemctl enable --now moraine": "unit_start moraine",
  "systemctl start moraine": "unit_start moraine",
  "systemctl stop moraine": "unit_stop moraine",
  "systemctl restart moraine": "unit_stop moraine && unit_start moraine",
  "systemctl enable --now moraine-backup.timer": ":",
  "systemctl start moraine-backup": "unit_run moraine-backup",
  "systemctl list-timers moraine-backup.timer": "timer_next moraine-backup",
  "systemctl reload nginx": "nginx_reload",
  "npm install --global @moraine/cli": "install_packed",
  "npm install --global @moraine/cli@latest": "unit_stop moraine && make_older && install_packed",
  'npm install --global "@moraine/cli@$VERSION"': "install_packed",
};

const needsStandIn = /^\s*(systemctl|journalctl|npm)\b/;

/** The script for a block: its lines, or their stand-ins. A line without one is an error. */
export function scriptOf(code: string): string {
  const lines = code.split("\n").map((line) => {
    const standIn = standIns[line.trim()];
    if (standIn === undefined && needsStandIn.test(line)) {
      throw new Error(`This line cannot run in a test, and has no stand-in: ${line}`);
    }
    return standIn ?? line;
  });
  return ['. "$REPOSITORY/test/system/operating/units.sh"', 'cd "$REPOSITORY"', ...lines].join("\n");
}
