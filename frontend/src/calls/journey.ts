/** The journey of a contact as lines of a timeline. Pure. */
import type { JourneyEvent } from '@/api/types'

export interface JourneyLine { id: string; offset: number; type: string; detail: Record<string, unknown>; kind: 'flow' | 'queue' | 'agent' | 'end' | 'other' }

const KINDS: [RegExp, JourneyLine['kind']][] = [
  [/^contact\.ended$/, 'end'],
  [/^(flow|survey|ivr)\./, 'flow'],
  [/^acd\.(contact_queued|contact_left_queue|queue_refused|position_announced)$/, 'queue'],
  [/^(acd|agent|quality|recording)\./, 'agent'],
]

export function offsetSeconds(event: JourneyEvent, startedAt: string): number {
  if (event.offset_ms !== undefined) return event.offset_ms / 1000
  if (event.offset_seconds !== undefined) return event.offset_seconds
  return event.at ? (Date.parse(event.at) - Date.parse(startedAt)) / 1000 : 0
}

export function journeyLines(events: JourneyEvent[], startedAt: string): JourneyLine[] {
  return events
    .map((event) => ({
      id: event.id,
      offset: offsetSeconds(event, startedAt),
      type: event.type,
      detail: { ...(event.payload ?? {}), step: event.step_name ?? event.payload?.step, agent: event.agent, queue: event.queue, cause: event.cause },
      kind: KINDS.find(([pattern]) => pattern.test(event.type))?.[1] ?? ('other' as const),
    }))
    .sort((a, b) => a.offset - b.offset)
}

/** +0:03.2, so that steps within one second can be told apart. */
export function offsetText(seconds: number): string {
  const tenths = Math.max(0, Math.round(seconds * 10))
  const whole = Math.floor(tenths / 10)
  return `+${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}.${tenths % 10}`
}
