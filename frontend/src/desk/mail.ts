/** Mails as the desk shows them. Pure but for the names of the routes. */
import type { Assignment, Named } from '@/api/types'

export interface MailAddress { address: string; name: string }
export interface MailFile { part: number; name: string; type: string; bytes: number }
export type MailState = 'new' | 'taken' | 'kept' | 'waiting' | 'sending' | 'sent' | 'failed' | 'uncertain' | 'returned' | 'discarded'
export interface Mail {
  id: string
  direction: 'in' | 'out'
  state: MailState
  reason: string
  contact: string | null
  subject: string
  from: MailAddress
  to: MailAddress[]
  cc: MailAddress[]
  at: string
  bytes: number
  cut: boolean
  attachments: MailFile[]
  author: Named | null
}
export interface OpenMail extends Mail {
  text: string
  html: string
  answer: { from: MailAddress; to: string; subject: string; signature: string; quote: string } | null
}

/** Its outcome is not known yet: look again. */
export const underWay = (mail: Mail): boolean => mail.direction === 'out' && (mail.state === 'waiting' || mail.state === 'sending')
/** Somebody must decide whether it is sent once more. */
export const inDoubt = (mail: Mail): boolean => mail.direction === 'out' && ['failed', 'uncertain', 'returned'].includes(mail.state)

/** The mail that is answered: the last one that came. */
export function newestIn(mails: Mail[]): Mail | null {
  return [...mails].reverse().find((one) => one.direction === 'in') ?? null
}

export const nameOrAddress = (one: MailAddress): string => one.name || one.address

export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  return bytes < 1024 * 1024 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`
}

/** What the answer begins with: room to write, the signature, what is answered. */
export function beginning(answer: NonNullable<OpenMail['answer']>): string {
  return ['', '', ...(answer.signature ? [answer.signature, ''] : []), answer.quote].join('\n')
}

export interface MailTemplate { id: string; code: string; name: Named; texts: Record<string, string>; language: string }
/** A template in one of its languages. */
export interface TemplateChoice { key: string; code: string; name: Named; language: string; text: string }

/** What there is to choose: each template in the language that fits the customer, then what else there is. */
export function choicesOf(templates: MailTemplate[]): TemplateChoice[] {
  const all = templates.flatMap((one) => Object.entries(one.texts).map(([language, text]) => ({ key: `${one.id}-${language}`, code: one.code, name: one.name, language, text, fits: language === one.language })))
  return [...all.filter((one) => one.fits), ...all.filter((one) => !one.fits)].map(({ key, code, name, language, text }) => ({ key, code, name, language, text }))
}

/** Those in whose names, code or text all the words are. */
export function matching(choices: TemplateChoice[], words: string): TemplateChoice[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean)
  return choices.filter((one) => {
    const said = [one.code, ...(typeof one.name === 'string' ? [one.name] : Object.values(one.name)), one.text].join(' ').toLowerCase()
    return wanted.every((word) => said.includes(word))
  })
}

/** The text with `piece` in place of what was selected, and where one writes on. */
export function inserted(text: string, start: number, end: number, piece: string): { text: string; caret: number } {
  return { text: text.slice(0, start) + piece + text.slice(end), caret: start + piece.length }
}

const DRAFT = 'yitong.mail.'
export interface Draft { to: string; cc: string; subject: string; text: string; answers: string }

/** What is being written survives a reload of the page, in this tab. */
export function keepDraft(contact: string, draft: Draft | null): void {
  if (draft === null) sessionStorage.removeItem(DRAFT + contact)
  else sessionStorage.setItem(DRAFT + contact, JSON.stringify(draft))
}

export function keptDraft(contact: string): Draft | null {
  try {
    return JSON.parse(sessionStorage.getItem(DRAFT + contact) ?? 'null') as Draft | null
  } catch {
    return null
  }
}

/** A frame for a stranger's HTML: no script, no form, nothing fetched; the page's own policy holds in it too. */
export function framed(html: string): string {
  return `<!doctype html><html><body style="margin:0;padding:12px 16px;font:14px/1.6 system-ui,sans-serif;color:#17212b;overflow-wrap:anywhere">${html}</body></html>`
}

export const isOpen = (one: Assignment): boolean => one.state === 'active' || one.state === 'held'
