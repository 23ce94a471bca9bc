/** Two tracks on one canvas: customer (left channel) above, agent (right channel) below; holds shaded, the played part in full colour. */
import type { Peaks, Recording } from '@/api/types'

export interface Wave { peaks: Peaks; milliseconds: number; holds: [number, number][]; pauses?: [number, number][]; at: number }
export interface Colours { left: string; right: string; rest: string; hold: string; pause?: string; line: string }

/** Holds as [from, to] in ms whatever form they came in. */
export function holdsOf(recording: Recording): [number, number][] {
  return recording.holds.map((hold) => (Array.isArray(hold) ? [hold[0], hold[1]] : [hold.from_ms, hold.to_ms]))
}

/** The loudest peak becomes 1; silence stays flat. Peaks may come as 0..1 or as 16-bit samples. */
export function scaled(peaks: number[]): number[] {
  const top = Math.max(...peaks, 0)
  const full = top > 1 ? Math.max(top, 3000) : Math.max(top, 0.1)
  return peaks.map((value) => Math.abs(value) / full)
}

export function draw(canvas: HTMLCanvasElement, wave: Wave, colours: Colours): void {
  const context = canvas.getContext('2d')
  if (context === null) return
  const ratio = window.devicePixelRatio || 1
  const width = canvas.clientWidth
  const height = canvas.clientHeight
  canvas.width = Math.round(width * ratio)
  canvas.height = Math.round(height * ratio)
  context.scale(ratio, ratio)
  context.fillStyle = colours.hold
  for (const [from, to] of wave.holds) {
    const x = (from / wave.milliseconds) * width
    context.fillRect(x, 0, ((to - from) / wave.milliseconds) * width, height)
  }
  for (const [from, to] of wave.pauses ?? []) hatch(context, (from / wave.milliseconds) * width, (to / wave.milliseconds) * width, height, colours.pause ?? colours.rest)
  const played = (wave.at / wave.milliseconds) * width
  const single = wave.peaks.right.length === 0 && wave.peaks.left.length > 0
  track(context, scaled(wave.peaks.left), width, height * (single ? 0.5 : 0.25), height * (single ? 0.44 : 0.22), played, colours.left, colours.rest)
  if (!single) track(context, scaled(wave.peaks.right), width, height * 0.75, height * 0.22, played, colours.right, colours.rest)
  context.fillStyle = colours.line
  context.fillRect(Math.min(width - 1.5, played), 0, 1.5, height)
}

/** What was not recorded: slanted lines between two bars. */
function hatch(context: CanvasRenderingContext2D, from: number, to: number, height: number, colour: string): void {
  context.save()
  context.beginPath()
  context.rect(from, 0, Math.max(2, to - from), height)
  context.clip()
  context.strokeStyle = colour
  context.lineWidth = 1
  for (let x = from - height; x < to; x += 7) {
    context.beginPath()
    context.moveTo(x, height)
    context.lineTo(x + height, 0)
    context.stroke()
  }
  context.fillStyle = colour
  context.fillRect(from, 0, 1.5, height)
  context.fillRect(Math.max(from, to - 1.5), 0, 1.5, height)
  context.restore()
}

function track(
  context: CanvasRenderingContext2D, peaks: number[], width: number, middle: number, reach: number, played: number, colour: string, rest: string,
): void {
  const step = width / Math.max(1, peaks.length)
  peaks.forEach((value, place) => {
    const x = place * step
    const size = Math.max(0.75, value * reach)
    context.fillStyle = x < played ? colour : rest
    context.fillRect(x, middle - size, Math.max(0.75, step * 0.75), size * 2)
  })
}

/** Where a key leads: seconds from `at`, bounded; null if the key means nothing here. */
export function seekKey(key: string, at: number, length: number): number | null {
  const steps: Record<string, number> = { ArrowLeft: -5, ArrowRight: 5, PageDown: -30, PageUp: 30, ArrowDown: -5, ArrowUp: 5 }
  if (key === 'Home') return 0
  if (key === 'End') return length
  const step = steps[key]
  return step === undefined ? null : Math.min(length, Math.max(0, at + step))
}
