/** Shapes of HTTP API v1 and of the live documents, as `docs/interfaces.md` tells them. Times in live documents are UTC microseconds. */

export type Language = 'zh-CN' | 'en'
/** A name per language, or already in the reader's language. */
export type Named = string | Partial<Record<Language, string>>
export type Duty = 'ready' | 'not_ready' | 'logged_off'
export type AgentState = 'logged_off' | 'not_ready' | 'ready' | 'busy' | 'working_after_call'
export type AssignmentState = 'offered' | 'active' | 'held' | 'wrapping_up'

export interface Place { id: string; code: string; name: Named; zone: string }

export interface Me {
  id: string
  username: string
  name: Named
  language: Language
  roles: string[]
  rights: string[]
  extension: string | null
  agent?: string | null
  team: Place | string | null
  site: Place | string | null
  tenant: Place | string
  zone?: string
  /** The desk is locked: nothing is shown or done until it is unlocked. */
  locked?: boolean
}

export interface Page<T> { items: T[]; next: string | null }
export interface PhoneCredential { url: string; uri: string; username: string; password: string; realm: string; expires_at: string; number?: string }
export interface PublicInfo { languages: Language[]; numbers: { number: string; name: Named }[]; version: string }

export interface CustomerCard { id: string; name: string; class: string; region: string; note: string; new?: boolean; numbers?: string[]; addresses?: string[]; version?: number }

/** Somebody of ours, as others see him. */
export interface Person { id: string; extension: string; name: Named; team: Named | null }
/** One whom an agent may ask or give a contact to. `distant`: at another site, called by number. */
export interface Colleague extends Person { state: AgentState | 'distant'; since: number | null; reachable: boolean }
/** What came with a contact from another site. */
export interface Brought { contact: string; site: Named | null; agent: { extension: string; name: Named }; queue: Named | null; called: string; customer: string; class: string; note: string }
/** A queue of `GET /queues`. */
export interface QueueFigures { id: string; name: Named; waiting: number; ready: number }

/** Whom the agent asks about his contact. `aside`: the agent is with that one, the customer waits. */
export interface Consultation {
  state: 'ringing' | 'talking' | 'conference' | 'over'
  aside: boolean
  cause: 'busy' | 'refused' | 'no_answer' | 'no_such_number' | 'congestion' | 'unreachable' | 'left' | null
  since: number
  ring_until: number | null
  agent: Person | null
  number: string | null
}

/** A way into a flow that agents may take with a customer. */
export interface FlowEntry { flow: string; flow_name: Named; step: string; name: Named; beside: boolean; takes: { name: string; label: Named }[]; returns: { name: string; label: Named }[] }
/** What an agent may send into a call. */
export interface Sendable { kind: 'prompt' | 'fax'; code: string; name: Named }

/** The flow beside which the agent waits; `over`: what became of the last one. */
export interface Detour {
  flow: Named
  entry: Named
  state: 'leaving' | 'there' | 'over'
  since: number
  step: string
  /** What people call the step; only its kind can be told where it has no name. */
  step_name: Named | null
  kind: string
  cause: string | null
  result: string | null
  returns: string[]
}
/** What flows and agents attached to the contact; of a `secret` nobody has the value. */
export interface DataItem { name: string; label: Named; value: string; secret: boolean }

/** What is recorded of a talk. `pause`: nothing is; `on` as soon as the switch says so. `demand`: on demand, one's `own` or a supervisor's. */
export interface Recorded {
  mode: 'all' | 'none' | 'percent' | 'on_demand'
  pause_seconds: number
  pause: { by: 'agent' | 'supervisor' | 'step'; since: number; until: number; on: boolean } | null
  demand: { own: boolean; since: number; until: number | null } | null
}

export interface Assignment {
  id: string
  contact: string
  state: AssignmentState
  since: number
  channel: string
  queue: string
  calling: string
  called: string
  /** The name of the outside line that it came by. */
  line?: Named | null
  keys: { step: string; name: Named; keys: string }[]
  waited_seconds: number
  ring_until: number | null
  answered_at: number | null
  customer: CustomerCard | null
  language: string
  recording: boolean
  recorded?: Recorded | null
  muted?: boolean
  /** The agent's telephone was lost and is brought back. */
  interrupted?: boolean
  /** The colleague at whose contact this one is a guest. */
  helps?: Person | null
  /** `helps` has left: whoever answers has the customer. */
  handed_over?: boolean
  consultation?: Consultation | null
  /** A call to or from this colleague (`caller`: to): no customer, no wrap-up. */
  inside?: Person | null
  caller?: boolean
  detour?: Detour | null
  data?: DataItem[]
  brought?: Brought | null
  direction?: 'in' | 'out'
  /** How many mails of the customer belong to the contact. */
  mails?: number
  /** The agent's own call to outside is not answered yet. */
  dialling?: boolean
  /** Who answered our call, judged by the voice: person, machine, fax, busy, congestion, unobtainable, silence, unknown. */
  answered_by?: string
  /** How a supervisor takes part in the talk of `helps`. */
  supervision?: Participation | null
  wrap_up: { until: number | null; codes: { id: string; name: Named }[]; draft: { code?: string | null; note?: string } | null } | null
}

export interface DeskQueue {
  id: string
  name: Named
  waiting: number
  longest_since: number | null
  ready: number
  list: { contact: string; since: number; calling_masked: string }[]
}

export interface DeskCall { contact: string; at: number; direction: string; queue: Named; customer: Named | CustomerCard | null; calling: string; talk_seconds: number; survey: string | number | null }

export interface DeskDocument {
  agent: {
    id: string
    extension: string
    name: Named
    team: Named | null
    duty: { state: Duty; reason: string | null; since: number }
    /** The classes of outside numbers that the agent may call. */
    may_call?: string[]
    /** The colleague whom one called last and did not reach. */
    inside_over?: { agent: Person; cause: string; at: number } | null
    /** Why the outside number that one called last was not reached. */
    dial_over?: { cause: string; at: number } | null
    state: AgentState
    state_since: number
    devices: Record<string, { kind: 'phone' | 'page'; registered: boolean; answering: boolean }>
  }
  assignments: Record<string, Assignment>
  queues: Record<string, DeskQueue>
  /** Those that the agent may open, with the number of messages nobody has heard yet. */
  mailboxes?: Record<string, { id: string; name: Named; new: number }>
  today: Record<string, number | null>
  calls: DeskCall[]
}

export interface BoardCounters {
  waiting: number
  longest_since: number | null
  ready: number
  busy: number
  working_after_call: number
  not_ready: number
  offered: number
  answered: number
  answered_in_time: number
  abandoned: number
  abandoned_short: number
  service_level: number | null
  asa_seconds: number | null
}
export interface BoardQueue extends BoardCounters { id: string; name: Named }
export type Participation = 'silent' | 'whisper' | 'active'

export interface BoardAgent {
  id: string
  extension: string
  name: Named
  team: Named | null
  state: AgentState
  since: number
  reason: Named | null
  queue: Named | null
  contact: string | null
  answered_today: number
  /** Counts since midnight, and seconds of talks that are over. */
  today?: { offered: number; answered: number; refused: number; missed: number; dialled: number; reached: number; talk_seconds: number; hold_seconds: number; wrap_up_seconds: number }
  /** With whom: a colleague, else the customer. */
  with?: { state: string; since: number; agent: Person | null; supervision: Participation | null; direction: 'in' | 'out'; customer: string | null; number_masked: string } | null
  locked?: boolean
  /** What is recorded of the agent's talk. */
  recorded?: {
    rule: boolean
    mode: Recorded['mode']
    running: boolean
    paused: boolean
    /** Who paused it, and until when at the latest. */
    pause?: { by: 'agent' | 'supervisor' | 'step'; until: number } | null
    pause_seconds: number
    demand: { by: Person | null; since: number; until: number | null } | null
  } | null
}
export interface BoardDocument { queues: Record<string, BoardQueue>; agents: Record<string, BoardAgent>; totals: Partial<BoardCounters>; day: string }

/** A contact as the list and the detail page tell it; fields that this page does not know are left alone. */
/** A member of a conference; `state`: ringing, confirming, greeting, waiting, in. */
export interface ConferenceMember {
  id: string
  contact: string | null
  agent: string | null
  number: string
  name: Named
  state: string
  since: number
  host: boolean
  speaking: boolean
  muted: boolean
  heard: boolean
  talking: boolean
  called: boolean
  asked_at: number | null
}

export interface ConferenceRoom {
  id: string
  code: string
  name: Named
  number: string
  size: number
  may_ask: boolean
  /** Numbers that lead here; `asks`: the room's own number is asked for then. */
  dial: { number: string; asks: boolean }[]
  host_pin: boolean
  member_pin: boolean
  enters: 'speaker' | 'listener'
  waits: boolean
  conference: string | null
  began_at: number | null
  until: number | null
  open: boolean
  locked: boolean
  muted_all: boolean
  recording: boolean
  speakers: number
  members: Record<string, ConferenceMember>
}

export interface ConferencesDocument { rooms: Record<string, ConferenceRoom>; most_speakers: number }

export interface Contact {
  id: string
  started_at: string
  ended_at: string | null
  direction: string
  channel: string
  calling: string
  called: string
  language?: string
  queue: Named | null
  agent: Named | null
  customer: Named | CustomerCard | null
  answered: boolean
  /** answered, not_reached, machine, fax, busy, abandoned, ... */
  outcome?: string
  waited_seconds: number | null
  talk_seconds: number | null
  cause?: string
  survey?: string | number | null
  recording?: string | null
}
export interface Segment { id: string; kind: string; began_at: string; ended_at: string | null; agent?: Named | null; queue?: Named | null; cause?: string }
export interface JourneyEvent { id: string; type: string; at?: string; offset_ms?: number; offset_seconds?: number; agent?: Named | null; queue?: Named | null; cause?: string; step_name?: Named | null; payload?: Record<string, unknown> }
/** Where a sound is had for some minutes, in this browser, while one is signed in. */
export interface SoundLink { url: string; expires_at: string }

export interface Recording { id: string; url: string; peaks?: string; links?: string; milliseconds: number; holds: ([number, number] | { from_ms: number; to_ms: number })[]; pauses?: [number, number][]; demand?: string | null }
/** What people write to a recording. */
export interface RecordingNote { title: string; note: string; tags: string[]; marks: { at_ms: number; text: string }[] }
/** A recording of a contact; `deleted`: it can be brought back until `purge_at`. */
export interface KeptRecording extends Recording, RecordingNote {
  began_at: string
  version: number
  complete: boolean
  held: boolean
  state: 'there' | 'deleted' | 'purged'
  deleted_at: string | null
  purge_at: string | null
  delete_reason: string
}
/** A recording that is being made. */
export interface RunningRecording { id: string; began_at: string; links: string; demand?: string | null }
export interface ContactDetail extends Contact {
  segments: Segment[]
  events: JourneyEvent[]
  recordings: KeptRecording[]
  running: RunningRecording[]
  wrap_up: { code?: Named | null; note?: string } | null
  quality: Record<string, unknown> | null
}
export interface Peaks { left: number[]; right: number[] }
