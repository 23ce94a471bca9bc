"""``libspandsp2`` (LGPL-2.1) by cffi without a compiler: the few functions of T.30, T.38 and the fax modems that are used here.

The library is Debian's, loaded when it is first asked for. Where it is missing, ``library`` raises ``FaxUnavailable``, whose ``code`` is
what the whole product says then: ``fax_unavailable``. A call into it releases the interpreter, so modems run on threads of their own.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import cffi

UNAVAILABLE = "fax_unavailable"
"""The one code for: this machine has no libspandsp2."""

_NAME = "libspandsp.so.2"

_DECLARATIONS = """
typedef struct {
    int bit_rate; int error_correcting_mode; int pages_tx; int pages_rx; int pages_in_file; int x_resolution; int y_resolution;
    int width; int length; int image_size; int encoding; int bad_rows; int longest_bad_row_run; int error_correcting_mode_retries;
    int current_status; int room[32];
} t30_stats_t;
void *fax_init(void *s, int calling_party);
int fax_free(void *s);
int fax_rx(void *s, int16_t *amp, int len);
int fax_rx_fillin(void *s, int len);
int fax_tx(void *s, int16_t *amp, int max_len);
void fax_set_transmit_on_idle(void *s, int transmit_on_idle);
void *fax_get_t30_state(void *s);
int t30_set_tx_ident(void *s, const char *id);
const char *t30_get_rx_ident(void *s);
void t30_set_rx_file(void *s, const char *file, int stop_page);
void t30_set_tx_file(void *s, const char *file, int start_page, int stop_page);
int t30_set_ecm_capability(void *s, int enabled);
int t30_set_rx_encoding(void *s, int encoding);
int t30_set_supported_modems(void *s, int supported_modems);
int t30_set_supported_compressions(void *s, int supported_compressions);
int t30_set_supported_resolutions(void *s, int supported_resolutions);
int t30_set_supported_image_sizes(void *s, int supported_image_sizes);
void t30_set_phase_e_handler(void *s, void (*handler)(void *s, void *user_data, int code), void *user_data);
void t30_get_transfer_statistics(void *s, t30_stats_t *t);
const char *t30_completion_code_to_str(int result);
void t30_terminate(void *s);
void *t38_terminal_init(void *s, int calling_party,
    int (*handler)(void *s, void *user_data, const uint8_t *buf, int len, int count), void *user_data);
int t38_terminal_free(void *s);
int t38_terminal_send_timeout(void *s, int samples);
void t38_terminal_set_config(void *s, int config);
void *t38_terminal_get_t30_state(void *s);
void *t38_terminal_get_t38_core_state(void *s);
int t38_core_rx_ifp_packet(void *s, const uint8_t *buf, int len, uint16_t seq_no);
void t38_set_t38_version(void *s, int t38_version);
void t38_set_max_datagram_size(void *s, int max_datagram_size);
void t38_set_fastest_image_data_rate(void *s, int max_rate);
"""


class FaxUnavailable(Exception):
    """No libspandsp2 on this machine."""

    code = UNAVAILABLE

    def __init__(self) -> None:
        super().__init__("libspandsp2 is not installed (Debian: apt-get install libspandsp2)")


@cache
def ffi() -> Any:
    """The declarations."""
    made = cffi.FFI()
    made.cdef(_DECLARATIONS)
    return made


@cache
def _loaded() -> Any:
    try:
        return ffi().dlopen(_NAME)
    except OSError:
        return None


def library() -> Any:
    """The library. Raises ``FaxUnavailable``."""
    found = _loaded()
    if found is None:
        raise FaxUnavailable
    return found


def available() -> bool:
    """Whether faxes can be sent and received on this machine."""
    return _loaded() is not None
