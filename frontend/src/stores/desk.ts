/** The agent's desk: the live document, the telephone of this page, and what the agent asks for. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import { call, sentence } from '@/api/client'
import type { Assignment, DeskDocument, Duty, FlowEntry, PhoneCredential, Sendable } from '@/api/types'
import { DISTANT, mayDo, target, type Receiver } from '@/desk/several'
import { permission, supportTrouble, openMicrophone, closeMicrophone, MicrophoneError, type MicrophoneTrouble } from '@/phone/microphone'
import { NO_CALL, Phone, type CallView, type Registration } from '@/phone/phone'
import { after } from '@/live/awake'
import { useLive } from './live'
import { useSession } from './session'
import { useTurns } from './turns'

export type PhoneMode = 'off' | 'permission' | 'trouble' | 'on'
const OPEN_KEY = 'yitong.desk'
const PHONE_KEY = 'yitong.desk.phone'
const ORDER: Assignment['state'][] = ['active', 'held', 'offered', 'wrapping_up']

export const useDesk = defineStore('desk', () => {
  const live = useLive()
  const document_ = computed(() => (live.documents.desk as DeskDocument | undefined) ?? null)
  const phoneMode = ref<PhoneMode>('off')
  const trouble = ref<MicrophoneTrouble | null>(null)
  const registration = ref<Registration>('off')
  const pageCall = shallowRef<CallView>(NO_CALL)
  const error = ref('')
  const { waiting, inTurn } = useTurns()
  const busy = computed(() => waiting.value > 0)
  let phone: Phone | null = null
  let renew: (() => void) | null = null
  let renewWanted = false
  let retries = 0
  let opening = false

  const assignments = computed(() =>
    Object.values(document_.value?.assignments ?? {}).sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || a.since - b.since),
  )
  const calls = computed(() => assignments.value.filter((one) => one.channel !== 'mail'))
  const mails = computed(() => assignments.value.filter((one) => one.channel === 'mail').sort((a, b) => a.id.localeCompare(b.id)))
  const current = computed<Assignment | null>(() => calls.value[0] ?? null)
  /** The mail that is looked at: the one chosen, else the first that is open. */
  const chosenMail = ref('')
  const mail = computed<Assignment | null>(() => mails.value.find((one) => one.id === chosenMail.value) ?? mails.value.find((one) => one.state !== 'offered') ?? mails.value[0] ?? null)
  /** Whose card is shown: a call comes before a mail. */
  const shown = computed<Assignment | null>(() => current.value ?? mail.value)
  const ringing = computed(() => calls.value.find((one) => one.state === 'offered' && !one.dialling && !(one.inside && one.caller)) ?? null)
  /** `text`: whom one talks to outside may get a text message, by right and when he has a number. */
  const may = computed(() => {
    const can = mayDo(current.value)
    return { ...can, text: can.pick && useSession().can('texts.send') && /^\+?\d+$/.test(current.value?.calling ?? '') }
  })
  const muted = computed(() => Boolean(current.value?.muted) || pageCall.value.muted)
  const deskPhone = computed(() => Object.values(document_.value?.agent.devices ?? {}).some((d) => d.kind === 'phone' && d.registered && d.answering))

  function audioElement(): HTMLAudioElement {
    let audio = document.querySelector<HTMLAudioElement>('#yitong-voice')
    if (!audio) {
      audio = document.createElement('audio')
      audio.id = 'yitong-voice'
      audio.autoplay = true
      document.body.append(audio)
    }
    return audio
  }

  /** Open the desk in this tab (and again after a reload). */
  async function open(): Promise<void> {
    sessionStorage.setItem(OPEN_KEY, '1')
    live.follow('desk')
    if (opening || phone !== null || live.takenOver) return
    opening = true
    try {
      await openPhone()
    } finally {
      opening = false
    }
  }

  async function openPhone(): Promise<void> {
    const unfit = supportTrouble()
    if (unfit) return cannot(unfit)
    const may = await permission()
    if (may === 'denied') return cannot('denied')
    // Firefox does not tell of a permission that holds for this tab only: who started the telephone here before gets it again
    if (may === 'granted' || sessionStorage.getItem(PHONE_KEY) === '1') return startPhone()
    phoneMode.value = 'permission'
  }

  function cannot(why: MicrophoneTrouble): void {
    trouble.value = why
    phoneMode.value = 'trouble'
  }

  /** From a click: ask for the microphone, then register. */
  async function startPhone(): Promise<void> {
    try {
      closeMicrophone(await openMicrophone())
    } catch (failure) {
      return cannot(failure instanceof MicrophoneError ? failure.trouble : 'failed')
    }
    sessionStorage.setItem(PHONE_KEY, '1')
    trouble.value = null
    phoneMode.value = 'on'
    phone ??= new Phone(
      {
        registration: (state) => {
          registration.value = state
          if (state === 'registered') retries = 0
        },
        call: (view) => {
          pageCall.value = view
          if (view.phase === 'none' && renewWanted) void register()
        },
        ended: () => undefined, // the live document tells what became of the contact
        microphone: (why) => void (trouble.value = why),
        expired: () => later(Math.min(1000 * 2 ** retries++, 15000)),
      },
      audioElement(),
    )
    await register()
  }

  async function register(): Promise<void> {
    if (phone === null) return
    if (phone.inCall) {
      renewWanted = true
      return
    }
    renewWanted = false
    try {
      const credential = await call<PhoneCredential>('POST', '/me/phone')
      phone?.start(credential, true)
      later(Math.max(Date.parse(credential.expires_at) - Date.now() - 60_000, 30_000))
    } catch {
      registration.value = 'reconnecting'
      later(Math.min(1000 * 2 ** retries++, 15000))
    }
  }

  function later(milliseconds: number): void {
    renew?.()
    renew = after(milliseconds, () => void register())
  }

  function silence(): void {
    renew?.()
    renew = null
    phone?.forsake()
    phone = null
    registration.value = 'off'
    phoneMode.value = 'off'
  }

  /** Signing out: the phone unregisters, the documents are dropped. */
  function close(): void {
    sessionStorage.removeItem(OPEN_KEY)
    sessionStorage.removeItem(PHONE_KEY)
    renew?.()
    renew = null
    phone?.stop()
    phone = null
    phoneMode.value = 'off'
    live.stop()
  }

  watch(() => live.takenOver, (taken) => taken && silence())

  async function takeBack(): Promise<void> {
    live.takeBack()
    await open()
  }

  /** Do one thing asked by the agent, after what he asked before; answers why it could not be done, '' when it was, null for a double click. */
  const attempt = (method: string, where: string, body?: unknown) =>
    inTurn(JSON.stringify([method, where, body]), () => call(method, where, { body }).then(() => '', sentence))

  /** The same, with the failure shown. */
  async function act(method: string, where: string, body?: unknown): Promise<boolean> {
    const failure = await attempt(method, where, body)
    if (failure !== null) error.value = failure
    return failure === ''
  }

  const setState = (state: Duty, reason?: string) => act('PUT', '/me/state', reason ? { state, reason } : { state })
  const path = (verb: string) => `/me/assignments/${current.value?.id}/${verb}`
  const ask = (verb: string, body?: unknown) => (current.value ? act('POST', path(verb), body) : Promise.resolve(false))
  const answer = () => phone?.answer()
  const dropCall = () => phone?.hangUp()
  const refuse = () => ask('refuse')
  const hold = () => ask(current.value?.state === 'held' ? 'retrieve' : 'hold')
  const hear = () => phone?.hear()
  /** Call a number outside; answers why it cannot be done. */
  const dial = (number: string, then: Sendable | null = null, afterBeep = false) => attempt('POST', '/me/calls', then ? { number, [then.kind]: then.code, ...(afterBeep && { after_beep: true }) } : { number })
  /** Call a colleague, one of another site by his number; answers why it cannot be done. */
  const callInside = (agent: string) => agent.startsWith(DISTANT) ? dial(agent.slice(DISTANT.length)) : attempt('POST', '/me/inside_calls', { agent })
  const alternate = () => ask('alternate')
  const conference = () => ask('conference')
  const reconnect = () => ask('reconnect')
  const handOver = () => ask('transfer', {})
  /** Ask somebody, or give the customer away at once; answers why it cannot be done. */
  const consult = (whom: Receiver) => attempt('POST', path('consult'), target(whom))
  const transferTo = (whom: Receiver) => attempt('POST', path('transfer'), target(whom))
  /** Let the customer into a flow, with call data; `wait`: he comes back. Answers why it cannot be done. */
  const letIn = (entry: FlowEntry, values: Record<string, string>, wait: boolean) =>
    attempt('POST', path('flow'), { flow: entry.flow, step: entry.step, values, wait })
  const send = (item: Sendable, wait: boolean) => attempt('POST', path('send'), { [item.kind]: item.code, wait })
  const takeCustomerBack = () => ask('take_back')

  /** By the switch, whichever telephone it is; the one in this page is silent at once, also while the application server is away. */
  async function mute(): Promise<void> {
    const on = !muted.value
    const here = pageCall.value.phase === 'talking'
    phone?.mute(on)
    const failure = current.value ? await attempt('PUT', path('mute'), { on }) : ''
    if (failure && !(on && here)) error.value = failure
  }

  // A page that takes the call back is as silent as the one before it
  watch(
    () => pageCall.value.phase === 'talking' && Boolean(current.value?.muted),
    (silent) => silent && !pageCall.value.muted && phone?.mute(true),
  )

  let typed = ''
  let sending = false
  /** The browser makes the tones of its own telephone, the switch those of a desk phone: one request after the other. */
  async function key(tones: string): Promise<void> {
    if (pageCall.value.phase === 'talking') return phone?.key(tones)
    typed += tones
    if (sending) return
    sending = true
    while (typed && current.value) {
      const keys = typed.slice(0, 32)
      typed = typed.slice(32)
      try {
        await call('POST', path('keys'), { body: { keys } })
      } catch (failure) {
        typed = ''
        error.value = sentence(failure)
      }
    }
    sending = false
  }

  /** Through the telephone where it is in this page: that works even while the application server is away. */
  async function hangUp(): Promise<void> {
    if (pageCall.value.phase === 'talking') phone?.hangUp()
    else await ask('hang_up')
  }

  return {
    desk: document_, assignments, current, mails, mail, chosenMail, shown, ringing, deskPhone, phoneMode, trouble, registration, pageCall, error, busy, may, muted,
    open, startPhone, close, takeBack, setState, answer, dropCall, refuse, hold, hangUp, mute, key, hear, act,
    dial, callInside, consult, transferTo, letIn, send, takeCustomerBack, alternate, conference, reconnect, handOver,
    wasOpen: () => sessionStorage.getItem(OPEN_KEY) === '1',
  }
})
