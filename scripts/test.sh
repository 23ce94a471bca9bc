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
  # What runs against the real clock (telephones, browsers, sockets, kills) gets the machine for itself.
  real_time="tests/app tests/switches tests/system"
  ignored=$(printf -- '--ignore=%s ' $real_time)
  # shellcheck disable=SC2086
  tests "tests on their own time" --numprocesses="${YITONG_TEST_JOBS:-2}" --dist=loadfile tests $ignored
  # shellcheck disable=SC2086
  tests "tests in real time" $real_time
fi
[ -z "$failed" ] || echo "FAILED:$failed" >&2
[ -z "$failed" ]
