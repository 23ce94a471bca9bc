/** A sound that is still being made, played as it comes: an `audio` element would first wait for seconds of it. */
import { after } from '@/live/awake'

const HEAD = 44
const RATE = 8000
/** What runs out goes on so much later: seconds. */
const LATE = 0.1
/** So much is fetched ahead of what is heard, and not the whole past of a long call: seconds. */
const AHEAD = 20

/** How many tracks a WAV file has (RIFF: octet 22, two octets, the lower one first). */
export const tracksOf = (head: Uint8Array): number => Math.max(1, new DataView(head.buffer, head.byteOffset).getUint16(22, true))

/** Samples of 16 bits of all tracks in turn, as one array for each track, from -1 to 1. */
export function tracks(octets: Uint8Array, count: number): Float32Array<ArrayBuffer>[] {
  const view = new DataView(octets.buffer, octets.byteOffset)
  const frames = Math.floor(octets.length / 2 / count)
  return Array.from({ length: count }, (_, track) => Float32Array.from({ length: frames }, (_, at) => view.getInt16(2 * (at * count + track), true) / 32768))
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}

const pause = (milliseconds: number) => new Promise<void>((done) => after(milliseconds, done))

/** One hearing: made by a click, `play`ed once, over at the sound's end or by `stop`. */
export class Growing {
  private readonly context = new AudioContext({ sampleRate: RATE })
  private readonly gone = new AbortController()
  private began = 0
  private until = 0

  /** Seconds that have been heard. */
  get heard(): number {
    return this.began ? Math.max(0, Math.min(this.context.currentTime, this.until) - this.began) : 0
  }

  get stopped(): boolean {
    return this.gone.signal.aborted
  }

  /** Play until the sound is over or `stop`; throws what made it impossible. */
  async play(url: string): Promise<void> {
    await this.context.resume()
    const answer = await fetch(url, { signal: this.gone.signal, credentials: 'same-origin' })
    if (!answer.ok || !answer.body) throw new Error(String(answer.status))
    const reader = answer.body.getReader()
    let rest: Uint8Array = new Uint8Array()
    let count = 0
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      rest = joined(rest, part.value)
      if (!count && rest.length >= HEAD) {
        count = tracksOf(rest)
        rest = rest.slice(HEAD)
      }
      const whole = count ? rest.length - (rest.length % (2 * count)) : 0
      if (whole) this.add(tracks(rest.subarray(0, whole), count))
      rest = rest.slice(whole)
      while (this.until - this.context.currentTime > AHEAD && !this.gone.signal.aborted) await pause(1000)
    }
    while (this.until > this.context.currentTime && !this.gone.signal.aborted) await pause(100)
  }

  stop(): void {
    this.gone.abort()
    if (this.context.state !== 'closed') void this.context.close()
  }

  private add(parts: Float32Array<ArrayBuffer>[]): void {
    const length = parts[0]!.length
    const buffer = this.context.createBuffer(parts.length, length, RATE)
    parts.forEach((samples, track) => buffer.copyToChannel(samples, track))
    const source = this.context.createBufferSource()
    source.buffer = buffer
    source.connect(this.context.destination)
    this.until = Math.max(this.until, this.context.currentTime + LATE)
    this.began ||= this.until
    source.start(this.until)
    this.until += length / RATE
  }
}
