// @vitest-environment happy-dom
import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { configureApi } from '@/api/client'
import Beside from '@/desk/Beside.vue'
import Consulting from '@/desk/Consulting.vue'
import Picker from '@/desk/Picker.vue'
import { setLanguage } from '@/i18n'
import { useDesk } from '@/stores/desk'
import { useLive } from '@/stores/live'

interface Asked { method: string; path: string; body: unknown }
const team = { id: 't', 'zh-CN': '一组', en: 'Team one' }
const person = (extension: string, state: string, reachable = true) => ({ id: `a${extension}`, extension, name: { 'zh-CN': `姓${extension}`, en: `Name ${extension}` }, team, state, since: 1, reachable })
const CARD = { flow: 'f1', flow_name: 'Service', step: 'card', name: 'Card number', beside: true, takes: [{ name: 'amount', label: 'Amount' }], returns: [{ name: 'card', label: 'Card' }] }
let asked: Asked[] = []
let refusal: { status: number; detail: string } | null = null

function talk(consultation: unknown = null, more: object = {}): void {
  const live = useLive()
  const it = { id: 'x', contact: 'c', state: 'active', since: 1, queue: 'q', calling: '13800138000', called: '96900', keys: [], muted: false, helps: null, consultation, customer: null, ...more }
  live.documents.desk = { agent: { duty: { state: 'ready' }, state: 'busy', devices: {} }, assignments: { x: it }, queues: {}, today: {}, calls: [] }
}

beforeEach(() => {
  setActivePinia(createPinia())
  setLanguage('en')
  asked = []
  refusal = null
  configureApi({
    token: () => 'secret',
    say: (code) => code,
    fetch: ((path: string, options: RequestInit) => {
      const method = options.method ?? 'GET'
      if (method === 'GET') {
        if (path.endsWith('/me/entries')) return Promise.resolve(new Response(JSON.stringify({ items: [CARD], next: null })))
        if (path.endsWith('/me/sendable')) return Promise.resolve(new Response(JSON.stringify({ items: [{ kind: 'fax', code: 'prices', name: 'Price list' }], next: null })))
        const items = path.endsWith('/me/colleagues') ? [person('1002', 'ready'), person('1003', 'busy'), person('1004', 'not_ready', false)] : [{ id: 'q2', name: 'Experts', waiting: 1, ready: 2 }]
        return Promise.resolve(new Response(JSON.stringify({ items, next: null })))
      }
      asked.push({ method, path: path.replace('/api/v1/me/assignments/x/', ''), body: options.body ? JSON.parse(String(options.body)) : null })
      return Promise.resolve(refusal ? new Response(JSON.stringify({ code: 'x', detail: refusal.detail }), { status: refusal.status }) : new Response(null, { status: 204 }))
    }) as typeof fetch,
  })
})

async function open() {
  talk()
  const picker = mount(Picker, { attachTo: document.body })
  await flushPromises()
  const field = picker.get('[data-test=pick]')
  return { picker, field, key: async (key: string, more: object = {}) => (await field.trigger('keydown', { key, ...more }), await flushPromises()) }
}
let shown: ReturnType<typeof mount> | null = null
afterEach(() => void shown?.unmount())

describe('the picker by the keyboard', () => {
  it('asks with Enter the one who is marked, and closes', async () => {
    const { picker, field, key } = await open()
    shown = picker
    expect(document.activeElement).toBe(field.element)
    expect(picker.get('[aria-selected=true]').attributes('data-pick')).toBe('1002')
    expect(field.attributes('aria-activedescendant')).toBe(picker.get('[aria-selected=true]').attributes('id'))
    await key('Enter')
    expect(asked).toEqual([{ method: 'POST', path: 'consult', body: { agent: 'a1002' } }])
    expect(picker.emitted('close')).toHaveLength(1)
  })

  it('gives away with Shift and Enter; a queue and a number too', async () => {
    const { picker, field, key } = await open()
    shown = picker
    await key('Enter', { shiftKey: true })
    await field.setValue('exp')
    await key('Enter')
    await field.setValue('021 5000 1234')
    await key('Enter')
    expect(asked.map((one) => [one.path, one.body])).toEqual([['transfer', { agent: 'a1002' }], ['transfer', { queue: 'q2' }], ['consult', { number: '02150001234' }]])
  })

  it('says why somebody cannot be asked, and asks nobody', async () => {
    const { picker, key } = await open()
    shown = picker
    await key('ArrowDown')
    await key('Enter')
    expect(picker.get('[role=status]').text()).toBe('Name 1003 is in a call. Choose somebody else, or a queue.')
    await key('ArrowDown')
    await key('Enter')
    expect(picker.get('[role=status]').text()).toBe('The phone of Name 1004 cannot be reached. Choose somebody else, or a queue.')
    await key('ArrowUp')
    await key('ArrowUp')
    expect(picker.get('[aria-selected=true]').attributes('data-pick')).toBe('1002')
    expect(asked).toEqual([])
  })

  it('shows what the server refuses, stays open, and Escape closes it', async () => {
    const { picker, field, key } = await open()
    shown = picker
    refusal = { status: 409, detail: 'That agent is busy.' }
    await key('Enter')
    expect(picker.get('[role=status]').text()).toBe('That agent is busy.')
    expect(picker.emitted('close')).toBeUndefined()
    await field.setValue('nobody of that name')
    expect(picker.text()).toContain('No colleague or queue fits')
    await key('Escape')
    expect(picker.emitted('close')).toHaveLength(1)
  })
})

describe('the names in the picker', () => {
  it('can all be read: what may be cut short says itself when pointed at, a way into a flow is never cut', async () => {
    shown = (await open()).picker
    const names = shown.findAll('.line .name')
    expect(names.map((one) => one.text())).toEqual(['Name 1002', 'Name 1003', 'Name 1004', 'Experts', 'Card number', 'prices'])
    for (const cut of shown.findAll('.line .ellipsis')) expect(cut.attributes('title'), cut.html()).toBeTruthy()
    expect(shown.get('[data-pick=flow] .name').classes()).not.toContain('ellipsis')
  })
})

describe('a flow', () => {
  it('is entered with call data by the keyboard: Enter waits, Shift and Enter gives the customer away', async () => {
    const { picker, field, key } = await open()
    shown = picker
    await field.setValue('card')
    await key('Enter')
    const form = picker.get('[data-test=flow-form]')
    expect(document.activeElement).toBe(form.get('input').element)
    expect(form.text()).toContain('Comes back with: Card')
    await form.get('input').setValue('120')
    await form.trigger('submit')
    await flushPromises()
    await form.get('input').trigger('keydown', { key: 'Enter', shiftKey: true })
    await flushPromises()
    expect(asked).toEqual([true, false].map((wait) => ({ method: 'POST', path: 'flow', body: { flow: 'f1', step: 'card', values: { amount: '120' }, wait } })))
    expect(picker.emitted('close')).toBeTruthy()
  })

  it('is left with Escape for another choice; a fax is sent at once', async () => {
    const { picker, field, key } = await open()
    shown = picker
    await field.setValue('card')
    await key('Enter')
    await picker.get('[data-test=flow-form]').trigger('keydown', { key: 'Escape' })
    expect(picker.find('[data-test=flow-form]').exists()).toBe(false)
    await picker.get('[data-test=pick]').setValue('prices')
    await picker.get('[data-test=pick]').trigger('keydown', { key: 'Enter' })
    await flushPromises()
    expect(asked).toEqual([{ method: 'POST', path: 'send', body: { fax: 'prices', wait: true } }])
  })

  it('shows where the customer is, and of a secret only that it was given', () => {
    const data = [{ name: 'card', label: 'Card', value: '6222', secret: false }, { name: 'pin', label: 'PIN', value: '', secret: true }]
    const detour = { flow: 'Service', entry: 'Card number', state: 'there', since: 1, step: 'pin', step_name: { 'zh-CN': '密码', en: 'PIN' }, kind: 'collect', cause: null, result: null, returns: ['card', 'pin'] }
    talk(null, { detour, data })
    const lanes = mount(Beside, { props: { assignment: useDesk().current!, detour: useDesk().current!.detour! } })
    expect(lanes.get('[data-test=beside-what]').text()).toBe('Card number · Service')
    expect(lanes.get('[data-test=beside-at]').text()).toBe('collect · PIN')
    expect(lanes.get('[data-name=card]').text()).toBe('6222')
    expect(lanes.get('[data-name=pin]').text()).toBe('•••• given, not shown')
    expect(useDesk().may).toMatchObject({ take_back: true, hold: false, pick: false })
  })

  it('says what a step does that has no name, never how the document calls it; a name that says nothing new is left out', () => {
    const detour = { flow: 'Service', entry: 'Service', state: 'there', since: 1, step: 'bye_2', step_name: null, kind: 'play', cause: null, result: null, returns: [] }
    talk(null, { detour })
    const lanes = mount(Beside, { props: { assignment: useDesk().current!, detour: useDesk().current!.detour! } })
    expect([lanes.get('[data-test=beside-at]').text(), lanes.get('[data-test=beside-what]').text()]).toEqual(['play', 'Service'])
  })
})

describe('a consultation', () => {
  const consultation = (state: string, aside = true, cause: string | null = null) => ({ state, aside, cause, since: 1, ring_until: null, agent: person('1002', 'busy'), number: null })

  it.each([
    ['ringing', true, null, 'Hears music', 'Ringing', ['hand-over', 'reconnect']],
    ['talking', true, null, 'Hears music', 'Talking with you', ['hand-over', 'conference', 'alternate', 'reconnect']],
    ['talking', false, null, 'Talking with you', 'Waits', ['hand-over', 'conference', 'alternate', 'reconnect']],
    ['conference', false, null, 'In the three-way call', 'In the three-way call', []],
    ['over', true, 'no_answer', 'Hears music', 'No answer', ['reconnect']],
  ])('%s, aside %s: says who hears what and offers what can be done', (state, aside, cause, customer, other, acts) => {
    const now = consultation(state, aside, cause)
    talk(now)
    const desk = useDesk()
    const lanes = mount(Consulting, { props: { assignment: desk.current!, consultation: desk.current!.consultation! } })
    expect(lanes.get('[data-test=customer-side]').text()).toContain(customer)
    expect(lanes.get('[data-test=other-side]').text()).toBe(other)
    expect(lanes.findAll('button').map((button) => button.attributes('data-test'))).toEqual(acts)
  })
})

describe('muting and keys at a desk phone', () => {
  it('are asked of the switch, keys one request after the other', async () => {
    talk()
    const desk = useDesk()
    await desk.mute()
    expect(asked).toEqual([{ method: 'PUT', path: 'mute', body: { on: true } }])
    talk(null, { muted: true })
    await desk.mute()
    expect(asked[1]!.body).toEqual({ on: false })
    asked = []
    await Promise.all(['1', '2', '#'].map((key) => desk.key(key)))
    await flushPromises()
    expect(asked.map((one) => (one.body as { keys: string }).keys).join('')).toBe('12#')
    expect(asked.every((one) => one.path === 'keys')).toBe(true)
  })

  it('a mute that fails is told', async () => {
    talk()
    refusal = { status: 503, detail: 'The call core does not answer.' }
    const desk = useDesk()
    await desk.mute()
    expect([desk.error, desk.muted]).toEqual(['The call core does not answer.', false])
  })
})
