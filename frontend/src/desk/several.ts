/** Several at one contact, as the desk shows it: who is with whom, what may be done now, and who can be asked. Pure. */
import type { Assignment, Colleague, Consultation, FlowEntry, Named, QueueFigures, Sendable } from '@/api/types'

/** Where somebody is: with the agent, in music, waiting in silence, being rung, all three together, gone. */
export type Side = 'with_you' | 'music' | 'waits' | 'ringing' | 'together' | 'gone'

export function sides(asked: Consultation): { customer: Side; other: Side } {
  const customer = asked.aside ? 'music' : 'with_you'
  if (asked.state === 'conference') return { customer: 'together', other: 'together' }
  if (asked.state === 'ringing') return { customer, other: 'ringing' }
  if (asked.state === 'over') return { customer, other: 'gone' }
  return { customer, other: asked.aside ? 'with_you' : 'waits' }
}

/** The customer is in a flow, or about to enter it, and the agent waits. */
export function beside(it: Assignment | null): boolean {
  return Boolean(it?.detour && it.detour.state !== 'over' && it.state !== 'wrapping_up')
}

/** The key of what the contact is called now. */
export function headingOf(it: Assignment): string {
  const asked = it.consultation
  if (it.inside) return `inside.${it.caller ? (it.state === 'offered' ? 'own' : it.answered_at ? 'talks' : 'calls') : it.state === 'offered' ? 'rings' : 'talks'}`
  if (it.dialling) return `dial.${it.state === 'offered' ? 'own' : 'out'}`
  if (it.helps && it.state !== 'wrapping_up') return it.state !== 'offered' ? 'several.helping' : it.handed_over ? 'several.handed' : 'several.asked'
  if (beside(it)) return 'beside.heading'
  if (asked && asked.state === 'conference') return 'several.together'
  if (asked && (asked.state !== 'over' || asked.aside)) return 'several.consulting'
  return `desk.state.${it.state}`
}

export interface May { hold: boolean; pick: boolean; hand_over: boolean; alternate: boolean; conference: boolean; reconnect: boolean; take_back: boolean }

export function mayDo(it: Assignment | null): May {
  const asked = it?.consultation ?? null
  const apart = beside(it)
  const own = it !== null && !it.helps && !it.dialling && !it.inside && !apart
  const active = own && it.state === 'active'
  const free = asked === null || (asked.state === 'over' && !asked.aside)
  const talking = active && asked?.state === 'talking'
  return {
    hold: own && (active || it.state === 'held') && free,
    pick: own && (active || it.state === 'held') && free,
    hand_over: active && asked !== null && asked.state !== 'over',
    alternate: talking,
    conference: talking,
    reconnect: active && asked !== null && asked.state !== 'conference',
    take_back: apart,
  }
}

/** A line of the picker. `key` is unique; `free`: can be asked now. */
export type Choice =
  | { kind: 'agent'; key: string; colleague: Colleague; free: boolean }
  | { kind: 'queue'; key: string; queue: QueueFigures }
  | { kind: 'flow'; key: string; entry: FlowEntry }
  | { kind: 'send'; key: string; item: Sendable }
  | { kind: 'number'; key: string; number: string }

/** How a colleague stands: what the dot shows. */
export function standing(one: Colleague): string {
  return one.state === 'logged_off' || one.reachable ? one.state : 'unreachable'
}

/** Whom a link leads to: rung by number, and nobody here knows how he stands. */
export const DISTANT = 'distant-'

export function isFree(one: Colleague): boolean {
  return one.state === 'distant' || (one.reachable && (one.state === 'ready' || one.state === 'not_ready'))
}

function rank(one: Colleague): number {
  if (one.state === 'distant') return 4
  if (isFree(one)) return one.state === 'ready' ? 0 : 1
  return one.reachable && one.state !== 'logged_off' ? 2 : 3
}

/** The number in what was typed, or ''. */
export function numberIn(text: string): string {
  const digits = text.replace(/[\s-]/g, '')
  return /^\+?\d{3,20}$/.test(digits) ? digits : ''
}

function words(name: Named | null | undefined): string[] {
  if (!name) return []
  return typeof name === 'string' ? [name] : [name['zh-CN'] ?? '', name.en ?? '']
}

/** What fits the text: colleagues (who can be asked first), queues, ways into flows, the number itself unless a colleague has it, what can be sent. */
export function choicesFor(text: string, colleagues: Colleague[], queues: QueueFigures[], entries: FlowEntry[] = [], sendables: Sendable[] = []): Choice[] {
  const wanted = text.trim().toLowerCase()
  const fits = (...texts: string[]) => texts.some((each) => each.toLowerCase().includes(wanted))
  const people = colleagues
    .filter((one) => fits(one.extension, ...words(one.name), ...words(one.team)))
    .sort((a, b) => rank(a) - rank(b) || a.extension.localeCompare(b.extension, undefined, { numeric: true }))
  const number = numberIn(text)
  return [
    ...people.map((colleague): Choice => ({ kind: 'agent', key: `agent-${colleague.id}`, colleague, free: isFree(colleague) })),
    ...queues.filter((one) => fits(...words(one.name))).map((queue): Choice => ({ kind: 'queue', key: `queue-${queue.id}`, queue })),
    ...entries
      .filter((entry) => fits(...words(entry.name), ...words(entry.flow_name)))
      .map((entry): Choice => ({ kind: 'flow', key: `flow-${entry.flow}-${entry.step}`, entry })),
    ...(number && colleagues.every((one) => one.extension !== number) ? [{ kind: 'number', key: 'number', number } as Choice] : []),
    ...sendables.filter((item) => fits(item.code, ...words(item.name))).map((item): Choice => ({ kind: 'send', key: `send-${item.kind}-${item.code}`, item })),
  ]
}

/** Somebody or a queue: whoever can have the customer. */
export type Receiver = Extract<Choice, { kind: 'agent' | 'queue' | 'number' }>

/** As the API names whom is asked or given the contact. */
export function target(choice: Receiver): { agent: string } | { queue: string } | { number: string } {
  if (choice.kind === 'agent') return choice.colleague.state === 'distant' ? { number: choice.colleague.extension } : { agent: choice.colleague.id }
  return choice.kind === 'queue' ? { queue: choice.queue.id } : { number: choice.number }
}

/** What a flow or a sending is called: one that is made on the spot is named by what it sends. */
export function sentIn(flow: Named): { what: 'prompt' | 'fax' | 'message'; code: string } | null {
  const made = typeof flow === 'string' ? /^(prompt|fax|message):(.+)$/.exec(flow) : null
  return made ? { what: made[1] as 'prompt' | 'fax' | 'message', code: made[2] ?? '' } : null
}
