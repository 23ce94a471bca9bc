#!/bin/sh
# Every check; all run even when one fails, pytest last, so that the output ends with its line. Fails when any failed.
# With arguments: only these tests.
cd "$(dirname "$0")/.." || exit 1
bin=.venv/bin
failed=""
# Hundreds of processes of ours begin in a run: none should compile again what another has.
unset PYTHONDONTWRITEBYTECODE
stage() {
  name=$1
  shift
  echo "== $name"
  "$@" || { echo "FAILED: $name" && return 1; }
}
front() { (cd frontend && npm run --silent "$1"); }
checks() {
  wrong=0
  stage lint $bin/ruff check --quiet . || wrong=1
  # Where nothing is kept of a former run, nothing is kept for a next one: writing it is a quarter of the work.
  [ -d .mypy_cache ] && kept=.mypy_cache || kept=/dev/null
  stage types $bin/mypy --cache-dir=$kept || wrong=1
  stage contracts $bin/lint-imports --no-cache || wrong=1
  stage front-end-types front typecheck || wrong=1
  stage front-end-tests front test || wrong=1
  return $wrong
}
tests() {
  name=$1
  shift
  echo "== $name"
  $bin/python -m pytest -q "$@" || failed="$failed $name;"
}
# Many at once, most of them against the real clock: what fails among others is run again alone, and only then is it a failure. It is named either way.
together() {
  name=$1
  shift
  rm -f build/failed.txt
  echo "== $name"
  YITONG_TEST_FAILED_TO=build/failed.txt $bin/python -m pytest -q "$@" && return
  if [ -s build/failed.txt ] && [ "$(wc -l < build/failed.txt)" -le 3 ]; then
    echo "== failed among others, now alone:" && cat build/failed.txt
    $bin/python -m pytest -q @build/failed.txt && return
  fi
  failed="$failed $name;"
}
if [ $# -gt 0 ]; then
  checks || failed="checks;"
  tests "tests asked for" "$@"
else
  # What runs against the real clock (telephones, browsers, sockets) is not beside what takes all the CPU there is; what kills processes
  # and says how soon they are back is beside nothing. The checks are beside the first, whose tests wait for engines now and then.
  mkdir -p build
  checks > build/checks.log 2>&1 &
  checking=$!
  ignored=$(printf -- '--ignore=tests/%s ' app switches system)
  count=${YITONG_TEST_JOBS:-2}
  # More at once than cores: all of them wait, those of the switches (for telephones) most of the time.
  # shellcheck disable=SC2086
  together "tests on their own time" --numprocesses=$((2 * count)) --dist=loadfile --no-loadscope-reorder tests $ignored
  wait $checking || failed="$failed checks;"
  cat build/checks.log
  together "tests in real time" --numprocesses=$((3 * count)) --dist=loadfile --no-loadscope-reorder tests/app tests/switches
  kills=$(echo tests/system/test_faults_*.py)
  # shellcheck disable=SC2086
  together "tests of the whole product" --numprocesses=$((count + 1)) --dist=loadfile --no-loadscope-reorder tests/system $(printf -- '--ignore=%s ' $kills)
  # shellcheck disable=SC2086
  tests "tests of its failures" $kills
fi
[ -z "$failed" ] || echo "FAILED: $failed" >&2
[ -z "$failed" ]
