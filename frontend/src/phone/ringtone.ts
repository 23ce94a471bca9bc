/** A ringing tone out of WebAudio (no file): 450 Hz, one second in every four, as Chinese telephones ring back; softly. */

export class Ringtone {
  private context: AudioContext | null = null
  private timer: ReturnType<typeof setInterval> | null = null

  start(): void {
    if (this.timer !== null || typeof AudioContext === 'undefined') return
    this.context ??= new AudioContext()
    void this.context.resume().catch(() => undefined)
    this.beat()
    this.timer = setInterval(() => this.beat(), 4000)
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer)
    this.timer = null
    void this.context?.close().catch(() => undefined)
    this.context = null
  }

  private beat(): void {
    const context = this.context
    if (context === null || context.state !== 'running') return
    const gain = context.createGain()
    const tone = context.createOscillator()
    const at = context.currentTime
    tone.frequency.value = 450
    gain.gain.setValueAtTime(0, at)
    gain.gain.linearRampToValueAtTime(0.15, at + 0.03)
    gain.gain.setValueAtTime(0.15, at + 0.97)
    gain.gain.linearRampToValueAtTime(0, at + 1)
    tone.connect(gain).connect(context.destination)
    tone.start(at)
    tone.stop(at + 1)
  }
}
