/** Numbers as people type them. Nothing that was typed is changed behind their back. */

export interface Limits { least: number; most: number; fraction?: boolean; optional?: boolean }

/** The number of a text; null where it is none. Digits and signs of a Chinese keyboard are digits and signs. */
export function numberOf(text: string): number | null {
  const plain = text.normalize('NFKC').replace('\u2212', '-').trim()
  return /^[+-]?(\d+(\.\d*)?|\.\d+)$/.test(plain) ? Number(plain) : null
}

/** Whether a text may stand in a field. */
export function fits(text: string, limits: Limits): boolean {
  if (text.trim() === '') return limits.optional === true
  const number = numberOf(text)
  return number !== null && number >= limits.least && number <= limits.most && (limits.fraction === true || Number.isInteger(number))
}

/** What is wrong with a text in as few letters as a narrow field has room for: its limits, or `whole` where it is within them. */
export function briefly(text: string, limits: Limits, whole: string): string {
  const number = numberOf(text)
  return number !== null && number >= limits.least && number <= limits.most ? whole : `${limits.least}–${limits.most}`
}

/** The number so many steps away, by an arrow key: within the limits, whatever was typed before. */
export function stepped(text: string, by: number, limits: Limits): number {
  const next = (numberOf(text) ?? limits.least - by) + by
  return Math.min(limits.most, Math.max(limits.least, Number(next.toFixed(6))))
}

/** Whether all numbers of a form may stay; each that may not then says what may, and the first one has the focus. */
export function numbersFit(form: HTMLElement | null | undefined): boolean {
  const wrong = [...(form?.querySelectorAll<HTMLInputElement>('input[role="spinbutton"]') ?? [])].filter((one) => !one.checkValidity())
  wrong[0]?.focus()
  wrong[0]?.select()
  return wrong.length === 0
}
