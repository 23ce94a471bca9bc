#!/bin/sh
# The long tests (marker soak); what they print is kept as docs/soak/DATE.txt.
cd "$(dirname "$0")/.." || exit 1
mkdir -p docs/soak
report="docs/soak/$(date -u +%Y-%m-%d).txt"
{ uname -srm; nproc; date -u; } > "$report"
status=$(mktemp)
{ .venv/bin/python -m pytest -m soak --timeout=7200 -s; echo $? > "$status"; } 2>&1 | tee -a "$report"
code=$(cat "$status")
rm -f "$status"
exit "$code"
