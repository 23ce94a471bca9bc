/** Assessments as the API tells them, and what the pages need to know of marks. What marks come to, only the server says. */
import type { Named } from '@/api/types'

export type CriterionKind = 'points' | 'yes_no' | 'knock_out'
export type AssessmentState = 'draft' | 'published' | 'answered' | 'settled'
export const STATES: AssessmentState[] = ['draft', 'published', 'answered', 'settled']

export interface Criterion { key: string; name: Named; kind: CriterionKind; weight: number; points: number }
export interface ScoreSheet { id: string; version: number; code: string; name: Named; criteria: Criterion[]; pass_percent: number }
export interface Mark { key: string; value: number | null; skipped: boolean; note: string }
export interface Comment { at_ms: number; text: string }

export interface Listed {
  id: string
  version: number
  state: AssessmentState
  contact: string
  recording: string
  agent: { id: string; name: Named; extension: string }
  team: Named | null
  talked_at: string
  percent: number | null
  passed: boolean | null
  sheet: { id: string; version: number; name: Named }
  assessor: Named | null
  published_at: string | null
  answered_at: string | null
  settled_at: string | null
  /** It is about oneself, and was not opened since it was published or settled. */
  unread: boolean
}

export interface Assessment extends Omit<Listed, 'sheet'> {
  sheet: Listed['sheet'] & { criteria: Criterion[]; pass_percent: number }
  marks: Mark[]
  comments: Comment[]
  note: string
  answer: string
  settlement: string
  own: boolean
}

export interface Mean { agent: Listed['agent']; count: number; mean: number | null; lowest: number | null; highest: number | null; passed: number; failed: number }

/** A mark for every criterion of the sheet, in its order; those that were given, and empty ones. */
export function marksFor(criteria: Criterion[], given: Mark[]): Mark[] {
  const known = new Map(given.map((mark) => [mark.key, mark]))
  return criteria.map((one) => ({ key: one.key, value: null, skipped: false, note: '', ...known.get(one.key) }))
}

/** What can be chosen for a criterion, the best last. */
export function choices(criterion: Criterion): number[] {
  return Array.from({ length: (criterion.kind === 'points' ? criterion.points : 1) + 1 }, (_, value) => value)
}

/** How many criteria have neither a mark nor were skipped. */
export const unmarked = (marks: Mark[]): number => marks.filter((mark) => !mark.skipped && mark.value === null).length

/** 78.5 → 78.5%; never a zero behind the point that says nothing. */
export const percentText = (percent: number | null): string => (percent === null ? '–' : `${Number(percent.toFixed(2))}%`)

/** Comments in the order of the recording. */
export const inOrder = (comments: Comment[]): Comment[] => [...comments].sort((a, b) => a.at_ms - b.at_ms)

/** The list after one of them was opened: that one waits no longer, and stays where it is. */
export const opened = (list: Listed[], id: string): Listed[] => list.map((one) => (one.id === id && one.unread ? { ...one, unread: false } : one))
