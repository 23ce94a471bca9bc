#!/bin/sh
# Every check; all run even when one fails, pytest last, so that the output ends with its line. Fails when any failed.
# With arguments: only these tests.
cd "$(dirname "$0")/.." || exit 1
bin=.venv/bin
failed=""
stage() {
  name=$1
  shift
  echo "== $name"
  "$@" || failed="$failed $name"
}
front() { (cd frontend && npm run --silent "$1"); }
stage lint $bin/ruff check --quiet .
stage types $bin/mypy
stage contracts $bin/lint-imports --no-cache
stage front-end-types front typecheck
stage front-end-tests front test
tests() {
  name=$1
  shift
  echo "== $name"
  $bin/python -m pytest -q "$@" || failed="$failed $name"
}
if [ $# -gt 0 ]; then
  tests "tests asked for" "$@"
else
  # What runs against the real clock (telephones, browsers, sockets) is not beside what takes all the CPU there is; what kills processes
  # and says how soon they are back is beside nothing.
  ignored=$(printf -- '--ignore=tests/%s ' app switches system)
  count=${YITONG_TEST_JOBS:-2}
  jobs="--numprocesses=$count --dist=loadfile"
  # More at once than cores: the first wait for engines now and then, the second for telephones most of the time.
  # shellcheck disable=SC2086
  tests "tests on their own time" --numprocesses=$((count + 1)) --dist=loadfile tests $ignored
  tests "tests in real time" --numprocesses=$((3 * count)) --dist=loadfile tests/app tests/switches
  kills=$(echo tests/system/test_faults_*.py)
  # shellcheck disable=SC2086
  tests "tests of the whole product" $jobs tests/system $(printf -- '--ignore=%s ' $kills)
  # shellcheck disable=SC2086
  tests "tests of its failures" $kills
fi
[ -z "$failed" ] || echo "FAILED:$failed" >&2
[ -z "$failed" ]
