#!/bin/sh
# The long tests: everything marked soak (mutated SIP, kills at random, core beside a million contacts, ten minutes of recording, long
# journeys, sentences spoken to callers, half of the load for half an hour, twice of what it takes for a minute), before it the walk over
# mutated SIP with a seed of today and 100,000 media packets. What they print is added to docs/soak/DATE.txt.
# Arguments go to pytest ("-k million" runs one). YITONG_SOAK_SECONDS and YITONG_SOAK_CONTACTS make it shorter.
cd "$(dirname "$0")/.." || exit 1
mkdir -p docs/soak
report="docs/soak/$(date -u +%Y-%m-%d).txt"
{ echo; date -u; uname -srm; echo "$(nproc) cores, load average $(cut -d' ' -f1 /proc/loadavg); pytest arguments: ${*:-none}"; } >> "$report"
status=$(mktemp)
{
    export YITONG_FUZZ_PACKETS="${YITONG_FUZZ_PACKETS:-100000}"
    if [ $# -eq 0 ]; then
        .venv/bin/python scripts/soak_sip.py 100000 5000 "$(date +%s)" &&
            .venv/bin/python -m pytest -q --tb=short --timeout=1800 -s tests/switches/media/test_media_guard.py
    fi && .venv/bin/python -m pytest -q --tb=short -m soak --timeout=7200 -s "$@"
    echo $? > "$status"
} 2>&1 | sed -u -e "s#$PWD/##g" -e "s#$PWD#.#g" | tee -a "$report"
code=$(cat "$status")
rm -f "$status"
exit "$code"
