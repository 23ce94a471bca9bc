/** Several at one contact, as the desk shows it: who is with whom, what may be done now, and who can be asked. Pure. */
import type { Assignment, Colleague, Consultation, Named, QueueFigures } from '@/api/types'

/** Where somebody is: with the agent, in music, waiting in silence, being rung, all three together, gone. */
export type Side = 'with_you' | 'music' | 'waits' | 'ringing' | 'together' | 'gone'

export function sides(asked: Consultation): { customer: Side; other: Side } {
  const customer = asked.aside ? 'music' : 'with_you'
  if (asked.state === 'conference') return { customer: 'together', other: 'together' }
  if (asked.state === 'ringing') return { customer, other: 'ringing' }
  if (asked.state === 'over') return { customer, other: 'gone' }
  return { customer, other: asked.aside ? 'with_you' : 'waits' }
}

/** The key of what the contact is called now. */
export function headingOf(it: Assignment): string {
  const asked = it.consultation
  if (it.dialling) return `dial.${it.state === 'offered' ? 'own' : 'out'}`
  if (it.helps && it.state !== 'wrapping_up') return it.state !== 'offered' ? 'several.helping' : it.handed_over ? 'several.handed' : 'several.asked'
  if (asked && asked.state === 'conference') return 'several.together'
  if (asked && (asked.state !== 'over' || asked.aside)) return 'several.consulting'
  return `desk.state.${it.state}`
}

export interface May { hold: boolean; pick: boolean; hand_over: boolean; alternate: boolean; conference: boolean; reconnect: boolean }

export function mayDo(it: Assignment | null): May {
  const asked = it?.consultation ?? null
  const own = it !== null && !it.helps && !it.dialling
  const active = own && it.state === 'active'
  const free = asked === null || (asked.state === 'over' && !asked.aside)
  const talking = active && asked?.state === 'talking'
  return {
    hold: own && (active || it.state === 'held') && free,
    pick: active && free,
    hand_over: active && asked !== null && asked.state !== 'over',
    alternate: talking,
    conference: talking,
    reconnect: active && asked !== null && asked.state !== 'conference',
  }
}

/** A line of the picker. `key` is unique; `free`: can be asked now. */
export type Choice =
  | { kind: 'agent'; key: string; colleague: Colleague; free: boolean }
  | { kind: 'queue'; key: string; queue: QueueFigures }
  | { kind: 'number'; key: string; number: string }

/** How a colleague stands: what the dot shows. */
export function standing(one: Colleague): string {
  return one.state === 'logged_off' || one.reachable ? one.state : 'unreachable'
}

export function isFree(one: Colleague): boolean {
  return one.reachable && (one.state === 'ready' || one.state === 'not_ready')
}

function rank(one: Colleague): number {
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

/** What fits the text: colleagues (who can be asked first), queues, then the number itself unless a colleague has it. */
export function choicesFor(text: string, colleagues: Colleague[], queues: QueueFigures[]): Choice[] {
  const wanted = text.trim().toLowerCase()
  const fits = (...texts: string[]) => texts.some((each) => each.toLowerCase().includes(wanted))
  const people = colleagues
    .filter((one) => fits(one.extension, ...words(one.name), ...words(one.team)))
    .sort((a, b) => rank(a) - rank(b) || a.extension.localeCompare(b.extension, undefined, { numeric: true }))
  const number = numberIn(text)
  return [
    ...people.map((colleague): Choice => ({ kind: 'agent', key: `agent-${colleague.id}`, colleague, free: isFree(colleague) })),
    ...queues.filter((one) => fits(...words(one.name))).map((queue): Choice => ({ kind: 'queue', key: `queue-${queue.id}`, queue })),
    ...(number && colleagues.every((one) => one.extension !== number) ? [{ kind: 'number', key: 'number', number } as Choice] : []),
  ]
}

/** As the API names whom is asked or given the contact. */
export function target(choice: Choice): { agent: string } | { queue: string } | { number: string } {
  if (choice.kind === 'agent') return { agent: choice.colleague.id }
  return choice.kind === 'queue' ? { queue: choice.queue.id } : { number: choice.number }
}
