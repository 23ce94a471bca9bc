#!/bin/sh
# The phones, the browser and the fonts of the tests: installed when we may, else named with the line that installs them.
# YITONG_TEST_WITHOUT="chromium sipp" runs without some of chromium, firefox, sipp, kamailio, baresip, fonts, fax, efax and dovecot; the tests that need one are then left out.
set -e
missing="" names=""
without=" $(printf '%s' "${YITONG_TEST_WITHOUT:-}" | tr ',' ' ') "
need() { # need NAME PACKAGE TEST...
  name=$1 package=$2
  shift 2
  case "$without" in *" $name "*) return 0 ;; esac
  "$@" >/dev/null 2>&1 || { missing="$missing $package"; names="$names $name"; }
}
fax_library() { ls /usr/lib/*/libspandsp.so.2 /usr/lib*/libspandsp.so.2 /usr/local/lib/libspandsp.so.2 2>/dev/null | grep -q .; }
chromium() { command -v chromium-headless-shell || command -v chromium; }
cjk_font() { fc-list :lang=zh 2>/dev/null | grep -q .; }
need chromium chromium-headless-shell chromium
need firefox firefox-esr command -v firefox
need sipp sip-tester command -v sipp
need baresip baresip command -v baresip
need kamailio kamailio test -x /usr/sbin/kamailio
need fonts fonts-noto-cjk cjk_font
need fax libspandsp2 fax_library
need efax efax command -v efax
need dovecot dovecot-imapd test -x /usr/sbin/dovecot
[ -z "$missing" ] && exit 0
as_root=""
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then as_root="sudo -n"; else
    echo "The tests need$missing. Install with:  sudo apt-get install --no-install-recommends$missing" >&2
    echo "or leave them out:  YITONG_TEST_WITHOUT=\"${names# }\" make test" >&2
    exit 1
  fi
fi
echo "Installing$missing ..."
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
$as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends fontconfig $missing >/dev/null
# What a package started (a proxy that would hold port 5060, a mail server) is not wanted; the tests start their own.
case "$missing" in *kamailio*) $as_root systemctl disable --now kamailio >/dev/null 2>&1 || true ;; esac
case "$missing" in *dovecot*) $as_root systemctl disable --now dovecot.socket dovecot.service >/dev/null 2>&1 || true ;; esac
