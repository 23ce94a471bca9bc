"""A Kamailio in front of the switch: it records its route, adds its path to registrations, and sends on what it does not know."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

CONFIGURATION = """
debug=0
log_stderror=yes
fork=no
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:{host}:{port}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "path.so"
modparam("rr", "enable_full_lr", 1)
modparam("path", "use_received", 1)
request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("ACK")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
        sl_send_reply("404", "No route");
        exit;
    }}
    t_check_trans();
    if (is_method("REGISTER")) {{ add_path_received(); $du = "sip:{host}:{switch}"; t_relay(); exit; }}
    if (is_method("INVITE")) {{ record_route(); }}
    if ($sp == {switch}) {{ loose_route(); t_relay(); exit; }}
    $du = "sip:{host}:{switch}";
    t_relay();
}}
"""


class Proxy:
    """The process; ``address`` is where telephones turn to."""

    def __init__(self, folder: Path, switch: int, host: str = "127.0.0.1") -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
            port = int(probe.getsockname()[1])
        self.address = (host, port)
        file = folder / "kamailio.cfg"
        file.write_text(CONFIGURATION.format(host=host, port=port, switch=switch))
        command = [
            shutil.which("kamailio") or "/usr/sbin/kamailio",
            "-DD",
            "-E",
            "-f",
            str(file),
            "-P",
            str(folder / "pid"),
            "-Y",
            str(folder),
        ]
        self._log = (folder / "kamailio.log").open("w+")
        self._process = subprocess.Popen(command, stdout=self._log, stderr=subprocess.STDOUT)

    def ready(self) -> bool:
        """Whether it answers."""
        assert self._process.poll() is None, self._said()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.1)
            probe.bind((self.address[0], 0))
            host, port = probe.getsockname()
            now = time.monotonic_ns()
            lines = [
                f"OPTIONS sip:{host} SIP/2.0", f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bKready{now};rport", "Max-Forwards: 0",
                f"From: <sip:probe@{host}>;tag=p", f"To: <sip:{host}>", f"Call-ID: {now}", "CSeq: 1 OPTIONS", "Content-Length: 0",
            ]  # fmt: skip
            probe.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), self.address)
            try:
                return probe.recv(4096).startswith(b"SIP/2.0 483")
            except OSError:
                return False

    def _said(self) -> str:
        self._log.seek(0)
        return self._log.read()[-2000:]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._log.close()
