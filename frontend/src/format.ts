/** How times, numbers and names are shown. Pure: language and zone come in. */
import type { CustomerCard, Language, Named } from '@/api/types'

/** A name in the reader's language; any other language before nothing. */
export function named(name: Named | null | undefined, language: Language): string {
  if (!name) return ''
  if (typeof name === 'string') return name
  return name[language] || name['zh-CN'] || name.en || ''
}

/** 65 → 1:05, 3725 → 1:02:05. */
export function clockText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const two = (n: number) => String(n).padStart(2, '0')
  const h = Math.floor(whole / 3600)
  const m = Math.floor((whole % 3600) / 60)
  return h > 0 ? `${h}:${two(m)}:${two(whole % 60)}` : `${m}:${two(whole % 60)}`
}

/** UTC microseconds or ISO 8601 → ms since the epoch. */
export function milliseconds(at: number | string): number {
  return typeof at === 'number' ? at / 1000 : Date.parse(at)
}

const formats = new Map<string, Intl.DateTimeFormat>()

function format(language: Language, zone: string | undefined, kind: 'date' | 'time' | 'both'): Intl.DateTimeFormat {
  const key = `${language} ${zone} ${kind}`
  let found = formats.get(key)
  if (!found) {
    const day = { year: 'numeric', month: '2-digit', day: '2-digit' } as const
    const time = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const
    const options = kind === 'date' ? day : kind === 'time' ? time : { ...day, ...time }
    found = new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, { ...options, timeZone: zone })
    formats.set(key, found)
  }
  return found
}

export function moment(at: number | string, kind: 'date' | 'time' | 'both', language: Language, zone?: string): string {
  const value = milliseconds(at)
  return Number.isFinite(value) ? format(language, zone, kind).format(value) : ''
}

/** The UTC instant of midnight that begins `day` (YYYY-MM-DD) in `zone`, also on days when the clocks change. */
export function startOfDay(day: string, zone?: string): Date {
  const wanted = Date.parse(`${day}T00:00:00Z`)
  let guess = wanted
  for (let round = 0; round < 2; round += 1) guess = wanted - offsetAt(guess, zone)
  return new Date(guess)
}

function offsetAt(at: number, zone?: string): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
  }).formatToParts(at)
  const of = (type: string) => Number(parts.find((part) => part.type === type)?.value)
  return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second')) - Math.floor(at / 1000) * 1000
}

/** Today's date (YYYY-MM-DD) in `zone`. */
export function today(now: number, zone?: string): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone: zone }).format(now)
}

const CHINESE = [
  /^(\+86)?(1[3-9]\d)(\d{4})(\d{4})$/, // mobile
  /^(\+86)(10|2\d)(\d{4})(\d{4})$/, /^(\+86)([3-9]\d{2})(\d{3,4})(\d{4})$/, // fixed, from anywhere: two digits of area in the largest cities
  /^(010|02\d)(\d{4})(\d{4})$/, /^(0[3-9]\d{2})(\d{3,4})(\d{4})$/, // fixed, from inside China
]

/** +8613800138000 → +86 138 0013 8000, 02155510001 → 021 5551 0001; anything else, masked numbers too, as it is. */
export function phoneText(number: string | null | undefined): string {
  if (!number) return ''
  const parts = CHINESE.map((form) => form.exec(number)).find(Boolean)
  return parts ? parts.slice(1).filter(Boolean).join(' ') : number
}

export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? '–' : `${(share * 100).toFixed(share === 1 || share === 0 ? 0 : 1)}%`
}

export function customerName(customer: Named | CustomerCard | null | undefined, language: Language): string {
  if (!customer) return ''
  if (typeof customer === 'object' && 'id' in customer) return named((customer as CustomerCard).name, language)
  return named(customer as Named, language)
}
