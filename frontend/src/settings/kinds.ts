/** What can be set: the fields of each kind of configuration, in the order in which they are shown. Labels are `field.<key>` in the locale files. */

export type FieldType =
  | 'text' | 'area' | 'lines' | 'name' | 'number' | 'bool' | 'password' | 'choice' | 'choices' | 'ref' | 'refs' | 'requirement' | 'members' | 'skills'

export interface Field {
  /** Where the value stands; a dot goes into an object. */
  path: string
  type: FieldType
  /** The kind that a reference points to. */
  of?: string
  /** Which of its values is referred to (default: id). */
  by?: string
  options?: string[]
  required?: boolean
  /** Unit or meaning below the field: key in `hint.` */
  hint?: string
  minimum?: number
  maximum?: number
}

export interface Kind { kind: string; columns: string[]; fields: Field[]; fresh: Record<string, unknown> }

const LANGUAGES = ['zh-CN', 'en']
const coded = (): Field[] => [{ path: 'code', type: 'text', required: true, hint: 'code' }, { path: 'name', type: 'name', required: true }]
const seconds = (path: string, hint = 'seconds', minimum = 0, maximum = 86_400): Field => ({ path, type: 'number', hint, minimum, maximum })

export const KINDS: Kind[] = [
  {
    kind: 'queues',
    columns: ['name', 'code', 'requirement', 'strategy', 'priority', 'ring_seconds', 'wrap_up_seconds'],
    fields: [
      ...coded(),
      { path: 'site', type: 'ref', of: 'sites', required: true },
      { path: 'requirement', type: 'requirement', of: 'skills', hint: 'requirement' },
      { path: 'members', type: 'members', of: 'users', by: 'agent', hint: 'members' },
      { path: 'strategy', type: 'choice', options: ['longest_idle', 'sequential', 'even', 'most_skilled', 'random'], required: true },
      { path: 'priority', type: 'number', minimum: -1000, maximum: 1000, hint: 'priority' },
      { path: 'objective.percent', type: 'number', minimum: 1, maximum: 100, hint: 'percent' },
      seconds('objective.answer_within_seconds', 'seconds', 1, 3600),
      seconds('objective.short_seconds', 'short', 0, 60),
      seconds('ring_seconds', 'seconds', 1, 300),
      seconds('wrap_up_seconds', 'wrap_up'),
      seconds('maximum_wait_seconds', 'unlimited'),
      { path: 'maximum_waiting', type: 'number', minimum: 0, maximum: 100_000, hint: 'unlimited' },
      { path: 'announce.position', type: 'bool' },
      { path: 'announce.wait', type: 'bool' },
      seconds('announce.first_seconds', 'seconds', 0, 3600),
      seconds('announce.every_seconds', 'seconds', 0, 3600),
      { path: 'music', type: 'ref', of: 'prompts', by: 'code' },
      { path: 'wrap_up_codes', type: 'refs', of: 'wrap_up_codes' },
    ],
    fresh: {
      code: '', name: {}, requirement: [], members: [], strategy: 'longest_idle', priority: 0, ring_seconds: 20, wrap_up_seconds: 30, maximum_wait_seconds: 0, maximum_waiting: 0,
      objective: { percent: 80, answer_within_seconds: 20, short_seconds: 5 }, announce: { position: true, wait: true, first_seconds: 10, every_seconds: 45 }, music: '', wrap_up_codes: [],
    },
  },
  { kind: 'skills', columns: ['name', 'code'], fields: coded(), fresh: { code: '', name: {} } },
  {
    kind: 'teams',
    columns: ['name', 'code', 'site', 'supervisors'],
    fields: [...coded(), { path: 'site', type: 'ref', of: 'sites', required: true }, { path: 'supervisors', type: 'refs', of: 'users' }],
    fresh: { code: '', name: {}, supervisors: [] },
  },
  {
    kind: 'users',
    columns: ['name', 'username', 'extension', 'team', 'roles', 'skills', 'disabled'],
    fields: [
      { path: 'username', type: 'text', required: true },
      { path: 'name', type: 'name', required: true },
      { path: 'password', type: 'password', hint: 'password' },
      { path: 'roles', type: 'choices', options: ['agent', 'supervisor', 'administrator'], required: true },
      { path: 'extension', type: 'text', hint: 'extension' },
      { path: 'team', type: 'ref', of: 'teams' },
      { path: 'site', type: 'ref', of: 'sites' },
      { path: 'skills', type: 'skills', of: 'skills', hint: 'skills' },
      { path: 'language', type: 'choice', options: LANGUAGES },
      { path: 'disabled', type: 'bool' },
    ],
    fresh: { username: '', name: {}, roles: ['agent'], extension: '', skills: {}, language: 'zh-CN', disabled: false },
  },
  {
    kind: 'numbers',
    columns: ['number', 'name', 'flow', 'calling', 'trunk', 'language', 'web'],
    fields: [
      { path: 'number', type: 'text', required: true },
      { path: 'name', type: 'name' },
      { path: 'flow', type: 'ref', of: 'flows', required: true },
      { path: 'calling', type: 'text', hint: 'calling' },
      { path: 'trunk', type: 'ref', of: 'trunks', hint: 'trunk' },
      { path: 'site', type: 'ref', of: 'sites', required: true },
      { path: 'language', type: 'choice', options: LANGUAGES },
      { path: 'web', type: 'bool', hint: 'web' },
    ],
    fresh: { number: '', name: {}, flow: '', calling: '', trunk: '', language: 'zh-CN', web: false },
  },
  { kind: 'flows', columns: ['name', 'code', 'published_version'], fields: [...coded(), { path: 'site', type: 'ref', of: 'sites', hint: 'flow_site' }], fresh: { code: '', name: {}, document: {} } },
  {
    kind: 'trunks',
    columns: ['name', 'code', 'site', 'addresses', 'numbers'],
    fields: [
      ...coded(), { path: 'site', type: 'ref', of: 'sites', required: true }, { path: 'addresses', type: 'lines', hint: 'addresses' }, { path: 'numbers', type: 'lines', hint: 'lines' },
    ],
    fresh: { code: '', name: {}, addresses: [], numbers: [] },
  },
  {
    kind: 'prompts',
    columns: ['code', 'language', 'text', 'milliseconds'],
    fields: [
      { path: 'code', type: 'text', required: true, hint: 'code' },
      { path: 'language', type: 'choice', options: LANGUAGES, required: true },
      { path: 'text', type: 'area' },
    ],
    fresh: { code: '', language: 'zh-CN', text: '' },
  },
  { kind: 'reasons', columns: ['name', 'code'], fields: coded(), fresh: { code: '', name: {} } },
  { kind: 'wrap_up_codes', columns: ['name', 'code'], fields: coded(), fresh: { code: '', name: {} } },
  {
    kind: 'sites',
    columns: ['name', 'code', 'zone', 'address'],
    fields: [...coded(), { path: 'zone', type: 'text', required: true, hint: 'zone' }, { path: 'address', type: 'text' }],
    fresh: { code: '', name: {}, zone: 'Asia/Shanghai', address: '' },
  },
]

export type Item = Record<string, unknown> & { id: string; version: number }

export function at(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((inner, key) => (typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[key] : undefined), value)
}

/** A copy of `value` with `next` at `path`. */
export function withAt<T>(value: T, path: string, next: unknown): T {
  const [key, ...rest] = path.split('.') as [string, ...string[]]
  const inner = ((value ?? {}) as Record<string, unknown>)[key]
  return { ...value, [key]: rest.length ? withAt(inner ?? {}, rest.join('.'), next) : next }
}

function clean(value: unknown, type: FieldType | undefined): unknown {
  if (type === 'name' && value) return Object.fromEntries(Object.entries(value as Record<string, string>).filter(([, text]) => text.trim() !== ''))
  return value
}

/** What is sent: the fields of the kind and nothing that the server owns; no empty password, no language without a name. */
export function bodyOf(kind: Kind, item: Record<string, unknown>): Record<string, unknown> {
  const names = new Set([...kind.fields.map((field) => field.path.split('.')[0]!), ...Object.keys(kind.fresh)])
  if (!item.password) names.delete('password')
  const sent: Record<string, unknown> = {}
  for (const name of names) {
    const value = clean(item[name], kind.fields.find((field) => field.path === name)?.type)
    if (value !== undefined && value !== null) sent[name] = value
  }
  return sent
}

export const kindOf = (kind: string): Kind => KINDS.find((one) => one.kind === kind)!

/** Paths of top-level fields in which two versions differ. */
export function differences(a: Record<string, unknown>, b: Record<string, unknown>): string[] {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)])
  for (const own of ['id', 'tenant', 'version']) keys.delete(own)
  return [...keys].filter((key) => JSON.stringify(a[key]) !== JSON.stringify(b[key]))
}
