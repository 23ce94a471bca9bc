/** What can be set: the fields of each kind of configuration, in the order in which they are shown. Labels are `field.<key>` in the locale files. */

export type FieldType =
  | 'text' | 'area' | 'lines' | 'name' | 'number' | 'bool' | 'password' | 'choice' | 'choices' | 'ref' | 'refs' | 'requirement' | 'members' | 'skills' | 'table' | 'wording'

/** A column of a `table` field; an empty `decimal` is null, a `key` is made up once and not shown. Its label is `column.<key>`. */
export interface Column { key: string; type: 'text' | 'number' | 'decimal' | 'days' | 'name' | 'choice' | 'key'; hint?: string; options?: string[]; minimum?: number; maximum?: number }

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
  /** Of a number: both, always; of a `wording` the longest text. */
  minimum?: number
  maximum?: number
  columns?: Column[]
  /** A heading above the field: key in `group.` */
  group?: string
}

export interface Kind { kind: string; columns: string[]; fields: Field[]; fresh: Record<string, unknown> }

const LANGUAGES = ['zh-CN', 'en']
const coded = (): Field[] => [{ path: 'code', type: 'text', required: true, hint: 'code' }, { path: 'name', type: 'name', required: true }]
const rewriting = (): Column[] => [{ key: 'pattern', type: 'text', hint: '1[3-9].' }, { key: 'strip', type: 'number', minimum: 0, maximum: 32 }, { key: 'prepend', type: 'text', hint: '+86' }]
const seconds = (path: string, hint = 'seconds', minimum = 0, maximum = 86_400): Field => ({ path, type: 'number', hint, minimum, maximum })

const recording = (): Field[] => [
  { path: 'recording.mode', type: 'choice', options: ['all', 'percent', 'on_demand', 'none'], required: true, hint: 'recording_mode', group: 'recording' },
  { path: 'recording.percent', type: 'number', minimum: 0, maximum: 100, hint: 'recording_percent' },
  { path: 'recording.pause_seconds', type: 'number', minimum: 0, maximum: 300, hint: 'recording_pause' },
]

/** The kinds as the page lists them: by what one is about to set up. */
export const GROUPS: [string, string[]][] = [
  ['people', ['users', 'teams', 'skills', 'reasons', 'score_sheets']],
  ['routing', ['numbers', 'flows', 'prompts', 'queues', 'wrap_up_codes']],
  ['telephony', ['trunks', 'number_classes', 'caller_rules', 'mailboxes', 'conference_rooms', 'text_lines', 'text_templates']],
  ['writing', ['mail_accounts', 'mail_templates']],
  ['house', ['retentions', 'sites']],
]

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
      seconds('objective.answer_within_seconds', 'answer_within', 1, 2_592_000),
      seconds('objective.short_seconds', 'short', 0, 60),
      seconds('ring_seconds', 'seconds', 1, 300),
      seconds('wrap_up_seconds', 'wrap_up'),
      seconds('maximum_wait_seconds', 'unlimited'),
      { path: 'maximum_waiting', type: 'number', minimum: 0, maximum: 100_000, hint: 'unlimited' },
      { path: 'refuse_when_empty', type: 'bool', hint: 'refuse_when_empty' },
      { path: 'misses_allowed', type: 'number', minimum: 0, maximum: 100, hint: 'misses' },
      seconds('rest_seconds', 'rest', 0, 3600),
      { path: 'announce.position', type: 'bool' },
      { path: 'announce.wait', type: 'bool' },
      seconds('announce.first_seconds', 'seconds', 0, 3600),
      seconds('announce.every_seconds', 'seconds', 0, 3600),
      { path: 'music', type: 'ref', of: 'prompts', by: 'code' },
      { path: 'wrap_up_codes', type: 'refs', of: 'wrap_up_codes' },
      ...recording(),
    ],
    fresh: {
      code: '', name: {}, requirement: [], members: [], strategy: 'longest_idle', priority: 0, ring_seconds: 20, wrap_up_seconds: 30, maximum_wait_seconds: 0, maximum_waiting: 0, refuse_when_empty: false, misses_allowed: 1, rest_seconds: 30,
      objective: { percent: 80, answer_within_seconds: 20, short_seconds: 5 }, announce: { position: true, wait: true, first_seconds: 10, every_seconds: 45 }, music: '', wrap_up_codes: [],
      recording: { mode: 'all', percent: 100, pause_seconds: 120 },
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
      { path: 'may_call', type: 'choices', options: ['local', 'national', 'mobile', 'international', 'premium'], hint: 'may_call' },
      { path: 'srtp', type: 'choice', options: ['off', 'optional', 'required'], hint: 'phone_srtp' },
      { path: 'language', type: 'choice', options: LANGUAGES },
      { path: 'disabled', type: 'bool' },
    ],
    fresh: { username: '', name: {}, roles: ['agent'], extension: '', skills: {}, may_call: [], srtp: 'off', language: 'zh-CN', disabled: false },
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
    columns: ['name', 'code', 'site', 'host', 'username', 'register', 'order', 'channels', 'enabled'],
    fields: [
      ...coded(),
      { path: 'site', type: 'ref', of: 'sites', required: true },
      { path: 'enabled', type: 'bool' },
      { path: 'addresses', type: 'lines', hint: 'addresses', group: 'incoming' },
      { path: 'numbers', type: 'lines', hint: 'trunk_numbers' },
      { path: 'host', type: 'text', hint: 'host', group: 'outgoing' },
      { path: 'port', type: 'number', minimum: 0, maximum: 65_535, hint: 'trunk_port' },
      { path: 'transport', type: 'choice', options: ['udp', 'tcp', 'tls'] },
      { path: 'tls_ca', type: 'area', hint: 'tls_ca' },
      { path: 'srtp', type: 'bool', hint: 'srtp' },
      { path: 'domain', type: 'text', hint: 'domain' },
      { path: 'username', type: 'text', group: 'line' },
      { path: 'auth_user', type: 'text', hint: 'auth_user' },
      { path: 'password', type: 'password', hint: 'trunk_password' },
      { path: 'realm', type: 'text', hint: 'realm' },
      { path: 'register', type: 'bool', hint: 'register' },
      seconds('register_seconds', 'seconds', 60),
      { path: 'order', type: 'number', minimum: 1, maximum: 1000, hint: 'trunk_order', group: 'choice' },
      { path: 'prefixes', type: 'table', columns: [{ key: 'prefix', type: 'text', hint: '13' }, { key: 'price', type: 'decimal', hint: '0.08' }], hint: 'prefixes' },
      { path: 'weight', type: 'number', minimum: 1, maximum: 1000, hint: 'weight' },
      { path: 'channels', type: 'number', minimum: 0, maximum: 100_000, hint: 'unlimited' },
      { path: 'rewrite_called', type: 'table', columns: rewriting(), hint: 'pattern', group: 'numbers' },
      { path: 'rewrite_calling', type: 'table', columns: rewriting() },
      { path: 'caller_id', type: 'choice', options: ['own', 'given', 'fixed', 'withheld'] },
      { path: 'caller_number', type: 'text', hint: 'caller_number' },
      { path: 'codecs', type: 'choices', options: ['PCMA', 'PCMU'], hint: 'codecs' },
      { path: 'link', type: 'bool', hint: 'link', group: 'link' },
      { path: 'distant', type: 'table', columns: [{ key: 'number', type: 'text', hint: '20XX' }, { key: 'name', type: 'text' }], hint: 'distant' },
    ],
    fresh: {
      code: '', name: {}, enabled: true, addresses: [], numbers: [], host: '', port: 5060, transport: 'udp', tls_ca: '', srtp: false, domain: '', username: '', auth_user: '', realm: '', register: false,
      register_seconds: 300, order: 1, prefixes: [], weight: 1, channels: 0, rewrite_called: [], rewrite_calling: [], caller_id: 'own', caller_number: '', codecs: [], link: false, distant: [],
    },
  },
  {
    kind: 'number_classes',
    columns: ['name', 'code', 'patterns'],
    fields: [
      { path: 'code', type: 'choice', options: ['internal', 'local', 'national', 'mobile', 'international', 'premium', 'emergency'], required: true, hint: 'number_class' },
      { path: 'name', type: 'name', required: true },
      { path: 'patterns', type: 'lines', hint: 'class_patterns' },
      ...recording(),
    ],
    fresh: { code: '', name: {}, patterns: [], recording: { mode: 'all', percent: 100, pause_seconds: 120 } },
  },
  {
    kind: 'caller_rules',
    columns: ['name', 'order', 'action', 'patterns', 'withheld', 'numbers', 'enabled'],
    fields: [
      ...coded(),
      { path: 'order', type: 'number', minimum: 1, maximum: 10_000, hint: 'rule_order' },
      { path: 'enabled', type: 'bool' },
      { path: 'patterns', type: 'lines', hint: 'pattern' },
      { path: 'withheld', type: 'bool', hint: 'withheld' },
      { path: 'numbers', type: 'lines', hint: 'rule_numbers' },
      { path: 'hours', type: 'table', columns: [{ key: 'days', type: 'days' }, { key: 'from', type: 'text', hint: '22:00' }, { key: 'to', type: 'text', hint: '06:00' }], hint: 'rule_hours' },
      { path: 'action', type: 'choice', options: ['reject', 'prompt', 'low_priority', 'allow'], required: true, hint: 'rule_action' },
      { path: 'flow', type: 'ref', of: 'flows', hint: 'rule_flow' },
      { path: 'priority', type: 'number', minimum: 1, maximum: 1000, hint: 'rule_priority' },
    ],
    fresh: { code: '', name: {}, order: 1, enabled: true, patterns: [], withheld: false, numbers: [], hours: [], action: 'reject', flow: '', priority: 50 },
  },
  {
    kind: 'mail_accounts',
    columns: ['name', 'address', 'queue', 'reading', 'sending', 'keep_days'],
    fields: [
      ...coded(),
      { path: 'site', type: 'ref', of: 'sites', required: true },
      { path: 'address', type: 'text', required: true, hint: 'mail_address' },
      { path: 'queue', type: 'ref', of: 'queues', required: true, hint: 'mail_queue' },
      { path: 'enabled', type: 'bool' },
      { path: 'sender', type: 'text' },
      { path: 'signature', type: 'area', hint: 'mail_signature' },
      { path: 'imap_host', type: 'text', required: true, group: 'mail_in' },
      { path: 'imap_port', type: 'number', minimum: 1, maximum: 65535 },
      { path: 'imap_security', type: 'choice', options: ['tls', 'starttls', 'none'], required: true },
      { path: 'imap_username', type: 'text', required: true },
      { path: 'imap_password', type: 'password', hint: 'trunk_password' },
      { path: 'folder', type: 'text', required: true },
      { path: 'done_folder', type: 'text', hint: 'done_folder' },
      { path: 'smtp_host', type: 'text', required: true, group: 'mail_out' },
      { path: 'smtp_port', type: 'number', minimum: 1, maximum: 65535 },
      { path: 'smtp_security', type: 'choice', options: ['starttls', 'tls', 'none'], required: true },
      { path: 'smtp_username', type: 'text', hint: 'smtp_username' },
      { path: 'smtp_password', type: 'password', hint: 'trunk_password' },
      { path: 'tls_ca', type: 'area', hint: 'mail_ca', group: 'mail_rules' },
      { path: 'flood_per_hour', type: 'number', minimum: 1, maximum: 10_000, hint: 'flood_per_hour' },
      { path: 'keep_days', type: 'number', minimum: 1, maximum: 36_500, hint: 'mail_keep' },
    ],
    fresh: {
      code: '', name: {}, address: '', queue: '', enabled: true, sender: '', signature: '', imap_host: '', imap_port: 993, imap_security: 'tls', imap_username: '', folder: 'INBOX', done_folder: '',
      smtp_host: '', smtp_port: 587, smtp_security: 'starttls', smtp_username: '', tls_ca: '', flood_per_hour: 30, keep_days: 730,
    },
  },
  { kind: 'mail_templates', columns: ['name', 'code', 'texts'], fields: [...coded(), { path: 'texts', type: 'wording', required: true, hint: 'mail_texts', maximum: 4000 }], fresh: { code: '', name: {}, texts: {} } },
  {
    kind: 'mailboxes',
    columns: ['name', 'code', 'number', 'owners', 'queue', 'email', 'keep_days'],
    fields: [
      ...coded(),
      { path: 'site', type: 'ref', of: 'sites', required: true },
      { path: 'owners', type: 'refs', of: 'users', by: 'agent', hint: 'owners' },
      { path: 'queue', type: 'ref', of: 'queues', hint: 'mailbox_queue' },
      { path: 'numbers', type: 'lines', hint: 'mailbox_numbers' },
      { path: 'number', type: 'text', hint: 'mailbox_number', group: 'telephone' },
      { path: 'pin', type: 'password', hint: 'pin' },
      { path: 'greeting', type: 'ref', of: 'prompts', by: 'code', hint: 'greeting', group: 'messages' },
      seconds('longest_seconds', 'seconds', 5, 600),
      seconds('shortest_seconds', 'seconds', 0, 30),
      seconds('silence_seconds', 'seconds', 1, 30),
      { path: 'notify_number', type: 'text', hint: 'notify_number', group: 'notices' },
      { path: 'notify_hours', type: 'table', columns: [{ key: 'days', type: 'days' }, { key: 'from', type: 'text', hint: '08:00' }, { key: 'to', type: 'text', hint: '22:00' }], hint: 'notify_hours' },
      { path: 'notify_minutes', type: 'number', minimum: 0, maximum: 1440, hint: 'notify_minutes' },
      { path: 'notify_times', type: 'number', minimum: 1, maximum: 20, hint: 'notify_times' },
      { path: 'email', type: 'text', hint: 'email' },
      { path: 'keep_days', type: 'number', minimum: 1, maximum: 3650, hint: 'keep_days' },
    ],
    fresh: {
      code: '', name: {}, owners: [], queue: '', numbers: [], number: '', greeting: '', longest_seconds: 120, shortest_seconds: 1, silence_seconds: 4, email: '', keep_days: 90,
      notify_number: '', notify_hours: [], notify_minutes: 0, notify_times: 3,
    },
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
  {
    kind: 'conference_rooms',
    columns: ['name', 'number', 'site', 'size', 'enters', 'may_ask', 'wait_for_host', 'recorded'],
    fields: [
      ...coded(),
      { path: 'number', type: 'text', required: true, hint: 'room_number' },
      { path: 'site', type: 'ref', of: 'sites', required: true },
      { path: 'host_pin', type: 'password', hint: 'host_pin' },
      { path: 'member_pin', type: 'password', hint: 'member_pin' },
      { path: 'size', type: 'number', minimum: 2, maximum: 1000, hint: 'room_size' },
      { path: 'enters', type: 'choice', options: ['speaker', 'listener'], hint: 'enters' },
      { path: 'may_ask', type: 'bool', hint: 'may_ask' },
      { path: 'wait_for_host', type: 'bool', hint: 'wait_for_host' },
      { path: 'entry_tone', type: 'bool' },
      { path: 'recorded', type: 'bool', hint: 'room_recorded' },
      { path: 'music', type: 'ref', of: 'prompts', by: 'code' },
      { path: 'maximum_minutes', type: 'number', minimum: 1, maximum: 1440, hint: 'minutes' },
    ],
    fresh: {
      code: '', name: {}, number: '', size: 100, enters: 'speaker', may_ask: true, wait_for_host: true, entry_tone: true, recorded: false, music: '', maximum_minutes: 240,
    },
  },
  {
    kind: 'text_lines',
    columns: ['name', 'code', 'host', 'port', 'system_id', 'source', 'order', 'enabled'],
    fields: [
      ...coded(),
      { path: 'enabled', type: 'bool' },
      { path: 'host', type: 'text', required: true, hint: 'text_host' },
      { path: 'port', type: 'number', minimum: 1, maximum: 65_535, hint: 'text_port' },
      { path: 'system_id', type: 'text', hint: 'system_id' },
      { path: 'password', type: 'password', hint: 'text_password' },
      { path: 'system_type', type: 'text', hint: 'system_type' },
      { path: 'tls', type: 'bool', hint: 'text_tls' },
      { path: 'tls_ca', type: 'area', hint: 'tls_ca' },
      { path: 'source', type: 'text', hint: 'text_source', group: 'numbers' },
      { path: 'source_ton', type: 'number', minimum: 0, maximum: 6, hint: 'ton' },
      { path: 'source_npi', type: 'number', minimum: 0, maximum: 18, hint: 'npi' },
      { path: 'dest_ton', type: 'number', minimum: 0, maximum: 6, hint: 'dest_ton' },
      { path: 'dest_npi', type: 'number', minimum: 0, maximum: 18, hint: 'npi' },
      { path: 'classes', type: 'choices', options: ['mobile', 'local', 'national', 'international', 'premium', 'internal'], hint: 'text_classes' },
      { path: 'alphabet', type: 'choice', options: ['auto', 'ucs2'], hint: 'alphabet', group: 'sending' },
      { path: 'per_second', type: 'number', minimum: 1, maximum: 100, hint: 'per_second' },
      { path: 'window', type: 'number', minimum: 1, maximum: 50, hint: 'window' },
      { path: 'order', type: 'number', minimum: 1, maximum: 1000, hint: 'text_order' },
    ],
    fresh: {
      code: '', name: {}, enabled: true, host: '', port: 2775, system_id: '', system_type: '', tls: false, tls_ca: '', source: '', source_ton: 0, source_npi: 0, dest_ton: 0, dest_npi: 1,
      classes: ['mobile'], alphabet: 'auto', per_second: 10, window: 10, order: 1,
    },
  },
  { kind: 'text_templates', columns: ['name', 'code', 'texts'], fields: [...coded(), { path: 'texts', type: 'wording', required: true, hint: 'texts' }], fresh: { code: '', name: {}, texts: {} } },
  {
    kind: 'retentions',
    columns: ['name', 'code', 'queue', 'days'],
    fields: [...coded(), { path: 'queue', type: 'ref', of: 'queues', hint: 'retention_queue' }, { path: 'days', type: 'number', minimum: 1, maximum: 36_500, required: true, hint: 'retention_days' }],
    fresh: { code: '', name: {}, queue: '', days: 180 },
  },
  {
    kind: 'score_sheets',
    columns: ['name', 'code', 'criteria', 'pass_percent', 'enabled'],
    fields: [
      ...coded(),
      { path: 'enabled', type: 'bool' },
      { path: 'pass_percent', type: 'number', minimum: 0, maximum: 100, hint: 'pass_percent' },
      {
        path: 'criteria', type: 'table', required: true, hint: 'criteria',
        columns: [
          { key: 'key', type: 'key' },
          { key: 'name', type: 'name' },
          { key: 'kind', type: 'choice', options: ['points', 'yes_no', 'knock_out'] },
          { key: 'weight', type: 'number', minimum: 1, maximum: 1000 },
          { key: 'points', type: 'number', minimum: 1, maximum: 100 },
        ],
      },
    ],
    fresh: { code: '', name: {}, enabled: true, pass_percent: 80, criteria: [] },
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
  if ((type === 'name' || type === 'wording') && value) return Object.fromEntries(Object.entries(value as Record<string, string>).filter(([, text]) => text.trim() !== ''))
  return value
}

/** What is sent: the fields of the kind and nothing that the server owns; no empty password, no language without a name. */
export function bodyOf(kind: Kind, item: Record<string, unknown>): Record<string, unknown> {
  const names = new Set([...kind.fields.map((field) => field.path.split('.')[0]!), ...Object.keys(kind.fresh)])
  for (const field of kind.fields) if (field.type === 'password' && !item[field.path]) names.delete(field.path)
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
