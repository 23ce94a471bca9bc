/** What agents did over a period, as the API tells it, and how it is drawn. */
import type { AgentState, Named } from '@/api/types'
import { percent } from '@/format'

export interface Spent { login_seconds: number; busy_seconds: number; working_after_call_seconds: number; ready_seconds: number; not_ready_seconds: number }

export interface Figures extends Spent {
  offered: number
  answered: number
  refused: number
  missed: number
  dialled: number
  reached: number
  handled: number
  talk_seconds: number
  hold_seconds: number
  wrap_up_seconds: number
  ring_seconds: number
  handling_seconds: number | null
  occupancy: number | null
  workload: number | null
  missed_share: number | null
}
export interface Pause { reason: string; name: Named | null; count: number; seconds: number }
export interface Worked extends Figures { agent: { id: string; name: Named; extension: string }; team: Named | null; day: string | null; pauses: Pause[] }

const STATES: AgentState[] = ['busy', 'working_after_call', 'ready', 'not_ready']

/** The time logged in, cut by states: percents of it, those that last any time. */
export function barOf(spent: Spent): { state: AgentState; share: number; seconds: number }[] {
  if (spent.login_seconds <= 0) return []
  return STATES.map((state) => ({ state, seconds: spent[`${state}_seconds` as keyof Spent] }))
    .filter((one) => one.seconds > 0)
    .map((one) => ({ ...one, share: (100 * one.seconds) / spent.login_seconds }))
}

export const shareText = percent
