#!/bin/sh
# Every check; all run even when one fails, pytest last, so that the output ends with its line. Fails when any failed.
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
[ -n "$failed" ] && echo "== FAILED before the tests:$failed"
echo "== tests"
jobs=${YITONG_TEST_JOBS:-2}
[ "$jobs" -gt 1 ] && parallel="--numprocesses=$jobs --dist=loadgroup"
# shellcheck disable=SC2086
$bin/python -m pytest -q $parallel "$@"
code=$?
[ -z "$failed" ] && exit $code
exit 1
