"""Real browsers: Debian's Chromium whose microphone is a tone, and whose ears are an analyser on the remote track."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from playwright.sync_api import Browser, BrowserContext, Error, Page, Playwright, expect, sync_playwright
from tests.chromium import chromium
from tests.system.stack import PATIENCE

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--autoplay-policy=no-user-gesture-required", "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream", "--allow-loopback-in-peer-connection", "--disable-features=WebRtcHideLocalIpsWithMdns",
]  # fmt: skip
MILLISECONDS = PATIENCE * 10_000
"""How long a page waits for what it is to show, unless a test says otherwise."""
VOICE = """
const ask = navigator.mediaDevices && navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
if (ask) navigator.mediaDevices.getUserMedia = async (wanted) => {
  const given = await ask(wanted);
  const context = new AudioContext();
  const tone = context.createOscillator(), loudness = context.createGain(), microphone = context.createMediaStreamDestination();
  tone.frequency.value = TONE;
  loudness.gain.value = 0.25;
  tone.connect(loudness).connect(microphone);
  tone.start();
  const [track] = microphone.stream.getAudioTracks(), stop = track.stop.bind(track);
  track.stop = () => {
    stop();
    context.close();
  };
  given.getTracks().forEach((each) => each.stop());
  return microphone.stream;
};
"""
"""What is asked of the microphone is asked of the browser's own, as ever; what it says is a tone of -12 dBFS, each page another."""
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
window.__heard = (wanted) => {
  const ear = window.__ears[window.__ears.length - 1];
  if (!ear) return { loudest: -999, wanted: -999 };
  const bins = new Float32Array(ear.analyser.frequencyBinCount), each = ear.context.sampleRate / ear.analyser.fftSize;
  ear.analyser.getFloatFrequencyData(bins);
  const near = bins.filter((_, place) => Math.abs(place * each - wanted) < 12);
  return { loudest: Math.max(-999, ...bins), wanted: Math.max(-999, ...near) };
};
"""


def tell(tone: int, context: BrowserContext) -> None:
    """What the pages of a test that failed showed at its end."""
    for page in context.pages:
        with suppress(Error):
            print(f"[{tone}] {page.url} shows: {page.inner_text('body')[:1500]!r}")


class Chromium:
    """One browser for all tests of a process, begun by the first that wants a page; a page has storage, rights and a voice of its own.

    Playwright's loop counts as running between two of its calls; it is put aside while no page is open, so that other tests may have
    loops of their own.
    """

    def __init__(self) -> None:
        self._kept = ExitStack()
        self._player: Playwright | None = None
        self._browser: Browser | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._open = 0

    @contextmanager
    def page(self, tone: int, *, language: str = "zh-CN", insecure: bool = False) -> Iterator[Page]:
        """A page that speaks ``tone`` Hz. ``insecure``: it takes a certificate that nobody vouches for."""
        if not self._open and self._loop is not None:
            asyncio._set_running_loop(self._loop)
        self._open += 1
        try:
            context = self._context(language, insecure)
            try:
                context.add_init_script(EARS + VOICE.replace("TONE", str(tone)))
                context.set_default_timeout(MILLISECONDS)
                page = context.new_page()
                page.on("console", lambda message: print(f"[{tone}] {message.type}: {message.text}"))
                page.on("pageerror", lambda error: print(f"[{tone}] error: {error}"))
                yield page
            except Exception:
                tell(tone, context)
                raise
            finally:
                context.close()
        finally:
            self._open -= 1
            if not self._open:
                self._put_aside()

    def _context(self, language: str, insecure: bool) -> BrowserContext:
        def made() -> BrowserContext:
            return self._begun().new_context(
                locale=language, viewport={"width": 1440, "height": 900}, permissions=["microphone"], ignore_https_errors=insecure,
                reduced_motion="reduce",  # nothing is drawn sixty times a second that no test looks at
            )  # fmt: skip

        try:
            return made()
        except Error:  # it died while no page was open, which is noticed only now
            self._browser = None
            return made()

    def _begun(self) -> Browser:
        if self._browser is None:
            self._player = self._player or self._kept.enter_context(sync_playwright())
            self._browser = self._player.chromium.launch(executable_path=chromium(), args=FLAGS)
            expect.set_options(timeout=MILLISECONDS)
        return self._browser

    def _put_aside(self) -> None:
        self._loop = asyncio._get_running_loop()
        asyncio._set_running_loop(None)

    def close(self) -> None:
        """End the browser."""
        if self._loop is not None:
            asyncio._set_running_loop(self._loop)
        if self._browser is not None:
            self._browser.close()
        self._kept.close()
        asyncio._set_running_loop(None)


def hears(page: Page, frequency: float) -> bool:
    """Whether the page hears ``frequency`` (± 12 Hz) clearly now."""
    return clearly(page.evaluate("wanted => window.__heard(wanted)", frequency))


def clearly(levels: dict[str, float]) -> bool:
    """What was looked for is there, and nothing is more than 10 dB louder, as where several speak."""
    return levels["wanted"] > -60 and levels["wanted"] > levels["loudest"] - 10
