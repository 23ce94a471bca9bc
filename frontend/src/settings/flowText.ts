/** Helpers for the text of a flow document. Pure. */

export interface FlowProblem { step: string; code: string; message: string; parameters?: Record<string, unknown> }

export function parse(text: string): { document: Record<string, unknown> | null; error: string; line: number } {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return { document: null, error: 'object', line: 1 }
    return { document: value as Record<string, unknown>, error: '', line: 0 }
  } catch (failure) {
    const message = failure instanceof Error ? failure.message : ''
    return { document: null, error: message, line: lineOf(text, message) }
  }
}

/** The line that the engine's message points at, 1 where it names none. */
function lineOf(text: string, message: string): number {
  const line = /line (\d+)/.exec(message)
  if (line) return Number(line[1])
  const position = /position (\d+)/.exec(message)
  return position ? text.slice(0, Number(position[1])).split('\n').length : 1
}

/** Where step `id` is written: [start, end] of its key or of its `"id": "…"`, or null. */
export function placeOf(text: string, id: string): [number, number] | null {
  if (!id) return null
  const quoted = JSON.stringify(id).replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const match = new RegExp(`${quoted}\\s*:\\s*\\{`).exec(text) ?? new RegExp(`"id"\\s*:\\s*${quoted}`).exec(text) ?? new RegExp(quoted).exec(text)
  return match ? [match.index, match.index + match[0].length] : null
}
