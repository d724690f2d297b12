# Shared by the start-*.sh scripts here; sourced, not run.
say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }
now() { date +%s.%N; }
elapsed() { awk -v a="$1" -v b="$(now)" 'BEGIN{printf "%.1f", b-a}'; }
need() { local c; for c in "$@"; do command -v "$c" >/dev/null || die "$c not found: run install-engines.sh first"; done; }
free_port() {
  if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then die "port $1 on 127.0.0.1 is taken"; fi
}
port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
# wait_for SECONDS WHAT COMMAND... : runs COMMAND until it succeeds; gives up early when a daemon
# started here has died.
wait_for() {
  local limit=$1 what=$2 start=$SECONDS; shift 2
  until "$@" >/dev/null 2>&1; do
    [ $((SECONDS - start)) -lt "$limit" ] || die "$what not ready after $limit s"
    all_alive || die "$what: a daemon stopped; see ${dir:-}/log"
    sleep 0.1
  done
}
all_alive() {
  local f
  for f in "${run:-/nonexistent}"/*.spid; do
    [ -e "$f" ] || continue
    kill -0 "$(cat "$f")" 2>/dev/null || { say "$(basename "$f" .spid) has exited"; return 1; }
  done
}
# curl signs the request itself (--aws-sigv4, curl >= 7.75; Debian 12 has 7.88).
s3_curl() { # ENDPOINT ACCESS SECRET METHOD PATH [curl args]
  local ep=$1 ak=$2 sk=$3 method=$4 path=$5; shift 5
  curl -sS --aws-sigv4 "aws:amz:${S3_REGION:-us-east-1}:s3" --user "$ak:$sk" \
    -H "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" \
    -X "$method" "$@" "$ep$path"
}
s3_make_bucket() { # ENDPOINT ACCESS SECRET BUCKET
  local code
  code=$(s3_curl "$1" "$2" "$3" HEAD "/$4" -I -o /dev/null -w '%{http_code}') || code=000
  [ "$code" = 200 ] && return 0
  code=$(s3_curl "$1" "$2" "$3" PUT "/$4" -o "$dir/log/make-bucket.out" -w '%{http_code}') || code=000
  case $code in 200|409) ;; *) die "could not create bucket $4 (HTTP $code); see $dir/log/make-bucket.out";; esac
}
s3_exports() { # ENDPOINT ACCESS SECRET BUCKET
  printf 'export S3_ENDPOINT=%s\nexport S3_REGION=%s\nexport S3_ACCESS_KEY=%s\nexport S3_SECRET_KEY=%s\nexport S3_BUCKET=%s\n' \
    "$1" "${S3_REGION:-us-east-1}" "$2" "$3" "$4"
}
# start_daemon NAME COMMAND... : in its own session, output to $dir/log/NAME.out, pid to $run/NN-NAME.spid
# (NN counts up, so that stop-engine.sh can stop in the reverse order).
start_daemon() {
  local name=$1 n; shift
  n=$(ls "$run" 2>/dev/null | grep -c '\.spid$' || true)
  setsid "$@" >>"$dir/log/$name.out" 2>&1 </dev/null &
  echo $! > "$run/$(printf '%02d' "$n")-$name.spid"
}
# --- PostgreSQL ---
# Binaries: PG_BIN, else the newest Debian version installed.
pg_setup() {
  PG_BIN=${PG_BIN:-$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)}
  [ -n "$PG_BIN" ] && [ -x "$PG_BIN/postgres" ] || die "no PostgreSQL found: run install-engines.sh postgres, or set PG_BIN"
  as=(); pguser=$(id -un)
  if [ "$(id -u)" = 0 ]; then # the server refuses to run as root
    pguser=${PG_OS_USER:-postgres}; id "$pguser" >/dev/null 2>&1 || die "no user $pguser to run the server as"
    as=(setpriv "--reuid=$pguser" "--regid=$pguser" --init-groups)
    chown "$pguser" "$1"
    "${as[@]}" test -x "$1" || die "user $pguser cannot reach $1: choose a directory under /tmp or /var/tmp"
  fi
}
# pg_init DIR : a fresh cluster, superuser "postgres", trusted on loopback only.
pg_init() {
  (cd /; "${as[@]}" "$PG_BIN/initdb" -D "$1" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync --no-instructions) >>"$dir/log/initdb.out" 2>&1 ||
    die "initdb failed; see $dir/log/initdb.out"
}
# pg_run NAME DATADIR PORT [-c k=v ...]
pg_run() {
  local name=$1 data=$2 port=$3; shift 3
  ( cd / && start_daemon "$name" "${as[@]}" "$PG_BIN/postgres" -D "$data" -p "$port" \
      -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c cluster_name="$name" \
      -c max_connections="${PG_MAX_CONNECTIONS:-200}" -c log_min_messages=warning "$@" )
  for f in "$run"/*-"$name".spid; do echo INT > "${f%.spid}.stopsig"; done # INT: do not wait for clients
}
pg_query() { # PORT SQL
  PGCONNECT_TIMEOUT=2 psql -XqAt -h 127.0.0.1 -p "$1" -U postgres -d "${3:-postgres}" -c "$2"
}
pg_make_db() { # PORT DB
  [ "$(pg_query "$1" "select 1 from pg_database where datname='$2'")" = 1 ] || pg_query "$1" "create database \"$2\"" >&2
}
