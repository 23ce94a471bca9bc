/** A live document: a snapshot, then changes without a gap. Pure: nothing here knows of sockets or time. */

export type Path = (string | number)[]
export type Change = ['set', Path, unknown] | ['del', Path]
export interface Resume { epoch: number; seq: number }
export interface Held { epoch: number; seq: number; data: unknown }
export interface ChangeMessage { epoch: number; seq: number; changes: Change[] }

type Container = Record<string, unknown> | unknown[]

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null
}

function copied(value: Container): Container {
  return Array.isArray(value) ? [...value] : { ...value }
}

function put(container: Container, key: string | number, value: unknown): void {
  ;(container as Record<string | number, unknown>)[key] = value
}

function remove(container: Container, key: string | number): void {
  if (Array.isArray(container)) container.splice(Number(key), 1)
  else delete container[key]
}

/** One change applied; what is not on the path is shared with the old value. An empty path is the whole document. */
export function applyChange(data: unknown, change: Change): unknown {
  const [verb, path] = change
  if (path.length === 0) return verb === 'set' ? change[2] : undefined
  const root = isContainer(data) ? copied(data) : {}
  let at: Container = root
  for (const key of path.slice(0, -1)) {
    const inner = (at as Record<string | number, unknown>)[key]
    if (!isContainer(inner) && verb === 'del') return data
    const next = isContainer(inner) ? copied(inner) : {}
    put(at, key, next)
    at = next
  }
  const last = path[path.length - 1]!
  if (verb === 'set') put(at, last, change[2])
  else remove(at, last)
  return root
}

export function applyChanges(data: unknown, changes: Change[]): unknown {
  return changes.reduce(applyChange, data)
}

/** 'old': seen already; 'gap': something between is missing, or another epoch: a snapshot is needed. */
export function follows(held: Held | null, message: Resume): 'next' | 'old' | 'gap' {
  if (held === null || message.epoch !== held.epoch) return 'gap'
  if (message.seq <= held.seq) return 'old'
  return message.seq === held.seq + 1 ? 'next' : 'gap'
}
