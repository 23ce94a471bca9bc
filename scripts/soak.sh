#!/bin/sh
# The long tests: the walk of mutated SIP, then everything marked soak (kills at random, core beside a million contacts, media fuzz,
# long journeys). What they print is kept as docs/soak/DATE.txt. YITONG_SOAK_SECONDS and YITONG_SOAK_CONTACTS make it shorter.
cd "$(dirname "$0")/.." || exit 1
mkdir -p docs/soak
report="docs/soak/$(date -u +%Y-%m-%d).txt"
{ uname -srm; echo "$(nproc) cores, load average $(cut -d' ' -f1 /proc/loadavg)"; date -u; } > "$report"
status=$(mktemp)
{
    .venv/bin/python scripts/soak_sip.py 60000 5000 "$(date +%s)" && .venv/bin/python -m pytest -m soak --timeout=7200 -s "$@"
    echo $? > "$status"
} 2>&1 | sed "s#$PWD/##g" | tee -a "$report"
code=$(cat "$status")
rm -f "$status"
exit "$code"
