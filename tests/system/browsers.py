"""Real browsers: Debian's Chromium whose microphone is a tone, and whose ears are an analyser on the remote track."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, Playwright, sync_playwright
from tests.system.phones import write_tone

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--autoplay-policy=no-user-gesture-required", "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream", "--allow-loopback-in-peer-connection", "--disable-features=WebRtcHideLocalIpsWithMdns",
]  # fmt: skip
EARS = """
localStorage.setItem('yitong.audio.noise_suppression', 'off');
window.__ears = [];
const Original = window.RTCPeerConnection;
window.RTCPeerConnection = class extends Original {
  constructor(...options) {
    super(...options);
    this.addEventListener('track', (event) => {
      const context = new AudioContext();
      const analyser = context.createAnalyser();
      analyser.fftSize = 8192;
      analyser.smoothingTimeConstant = 0.2;
      context.createMediaStreamSource(new MediaStream([event.track])).connect(analyser);
      window.__ears.push({ context, analyser });
    });
  }
};
window.__heard = () => {
  const ear = window.__ears[window.__ears.length - 1];
  if (!ear) return { hertz: 0, decibels: -999 };
  const bins = new Float32Array(ear.analyser.frequencyBinCount);
  ear.analyser.getFloatFrequencyData(bins);
  let best = 0;
  for (let i = 1; i < bins.length; i++) if (bins[i] > bins[best]) best = i;
  return { hertz: best * ear.context.sampleRate / ear.analyser.fftSize, decibels: bins[best] };
};
"""


@contextmanager
def chromium(player: Playwright, folder: Path, tone: int, *, language: str = "zh-CN", insecure: bool = False) -> Iterator[Page]:
    """A page of a browser of its own that speaks ``tone`` Hz. ``insecure``: it takes a certificate that nobody vouches for."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tone(folder / "tone.wav", tone, rate=48_000, seconds=10)
    executable = shutil.which("chromium")
    assert executable, "no chromium: apt-get install chromium"
    browser = player.chromium.launch(executable_path=executable, args=[*FLAGS, f"--use-file-for-fake-audio-capture={folder / 'tone.wav'}"])
    try:
        context = browser.new_context(
            locale=language, viewport={"width": 1440, "height": 900}, permissions=["microphone"], ignore_https_errors=insecure
        )
        context.add_init_script(EARS)
        page = context.new_page()
        page.on("console", lambda message: print(f"[{tone}] {message.type}: {message.text}"))
        page.on("pageerror", lambda error: print(f"[{tone}] error: {error}"))
        yield page
    finally:
        browser.close()


@contextmanager
def players() -> Iterator[Playwright]:
    with sync_playwright() as player:
        yield player


def heard(page: Page) -> tuple[float, float]:
    """What the page hears now: the strongest frequency and its level in dBFS."""
    found = page.evaluate("window.__heard()")
    return float(found["hertz"]), float(found["decibels"])


def hears(page: Page, frequency: float) -> bool:
    """Whether the page hears ``frequency`` (± 12 Hz) clearly."""
    hertz, decibels = heard(page)
    return abs(hertz - frequency) < 12 and decibels > -60
