# Functions that stand for systemd, npm's registry and a running nginx: they do what the installed units say, as their user. Sandboxing is left out.

unit_text() {
  cat "/etc/systemd/system/$1.service"
  local drop_in
  for drop_in in "/etc/systemd/system/$1.service.d"/*.conf; do
    test ! -e "$drop_in" || cat "$drop_in"
  done
}

unit_values() {
  unit_text "$1" | sed -n "s|%d|/run/credentials/$1|g; s/^$2=//p"
}

as_moraine=(setpriv --reuid=moraine --regid=moraine --init-groups env --ignore-environment
  "PATH=$PATH" "NODE_COMPILE_CACHE=$NODE_COMPILE_CACHE" HOME=/var/lib/moraine)

unit_credentials() {
  local name path
  install -d -o moraine -m 0700 "/run/credentials/$1"
  unit_values "$1" LoadCredential | while IFS=: read -r name path; do
    install -o moraine -m 0400 "$path" "/run/credentials/$1/$name"
  done
}

# Each command is replaced by the next, so that the process is the server's own.
unit_start() {
  install -d -o moraine -g moraine -m 0700 /var/lib/moraine
  unit_credentials "$1"
  (
    # A container may allow less.
    ulimit -n "$(unit_values "$1" LimitNOFILE | tail -n 1)" 2> /dev/null || ulimit -n "$(ulimit -H -n)"
    umask 0077
    exec "${as_moraine[@]}" $(unit_values "$1" Environment) $(unit_values "$1" ExecStart)
  ) < /dev/null >> "/var/log/$1.log" 2>&1 &
  echo $! > "/run/$1.pid"
}

unit_stop() {
  local pid
  pid=$(cat "/run/$1.pid" 2> /dev/null) || return 0
  kill -TERM "$pid" 2> /dev/null || return 0
  tail --pid="$pid" --sleep-interval=0.05 --follow /dev/null
}

unit_run() {
  local command
  unit_values "$1" ExecStart | while read -r command; do
    "${as_moraine[@]}" $command < /dev/null || return
  done
}

timer_next() {
  systemd-analyze calendar "$(sed -n 's/^OnCalendar=//p' "/etc/systemd/system/$1.timer")"
}

nginx_reload() {
  if test -s /run/nginx.pid; then nginx -s reload; else nginx; fi
}

install_packed() {
  npm install --global --offline --install-links --no-audit --no-fund --loglevel error "$PACKED/server" "$PACKED/cli"
}

# There is no earlier version to upgrade from: the database is made one of it instead.
make_older() {
  runuser -u moraine -- node --input-type=module - < "$REPOSITORY/test/system/operating/older-database.js"
}
