import { describe, expect, it } from 'vitest'
import type { Assignment, Colleague, Consultation, Detour, FlowEntry } from '@/api/types'
import { choicesFor, headingOf, mayDo, numberIn, sentIn, sides, target, type Receiver } from '@/desk/several'

const colleague = (extension: string, state: Colleague['state'], reachable = true, name = `n${extension}`): Colleague => ({
  id: `a${extension}`, extension, name: { 'zh-CN': `姓${extension}`, en: name }, team: { 'zh-CN': '一组', en: 'Team one' }, state, since: 1, reachable,
})
const asked = (state: Consultation['state'], aside = true): Consultation => ({ state, aside, cause: null, since: 1, ring_until: null, agent: null, number: '021' })
const talk = (more: Partial<Assignment> = {}): Assignment => ({
  id: 'x', contact: 'c', state: 'active', since: 1, channel: 'voice', queue: 'q', calling: '1', called: '2', keys: [], waited_seconds: 0, ring_until: null, answered_at: 1,
  customer: null, language: 'en', recording: false, wrap_up: null, helps: null, consultation: null, ...more,
})
const detour = (state: Detour['state']): Detour => ({ flow: 'Card', entry: 'Card', state, since: 1, step: '', step_name: null, kind: '', cause: null, result: null, returns: [] })
const allowed = (it: Assignment | null) => Object.entries(mayDo(it)).filter(([, may]) => may).map(([name]) => name)

describe('who is with whom', () => {
  it.each([
    ['ringing', true, 'music', 'ringing'], ['talking', true, 'music', 'with_you'], ['talking', false, 'with_you', 'waits'],
    ['conference', false, 'together', 'together'], ['over', true, 'music', 'gone'], ['over', false, 'with_you', 'gone'],
  ] as const)('%s, aside %s: the customer %s, the other %s', (state, aside, customer, other) => {
    expect(sides(asked(state, aside))).toEqual({ customer, other })
  })
})

describe('what may be done', () => {
  it.each([
    ['an ordinary talk', talk(), ['hold', 'pick']],
    ['a held one', talk({ state: 'held' }), ['hold', 'pick']],
    ['one in a flow', talk({ detour: detour('there') }), ['take_back']],
    ['one about to enter it', talk({ detour: detour('leaving') }), ['take_back']],
    ['one that came back', talk({ detour: detour('over') }), ['hold', 'pick']],
    ['one that left the agent there', talk({ state: 'wrapping_up', detour: detour('over') }), []],
    ['ringing', talk({ consultation: asked('ringing') }), ['hand_over', 'reconnect']],
    ['talking', talk({ consultation: asked('talking') }), ['hand_over', 'alternate', 'conference', 'reconnect']],
    ['a conference', talk({ consultation: asked('conference', false) }), ['hand_over']],
    ['refused, the customer waits', talk({ consultation: asked('over') }), ['reconnect']],
    ['the other left while one was with the customer', talk({ consultation: asked('over', false) }), ['hold', 'pick', 'reconnect']],
    ['a guest', talk({ helps: { id: 'h', extension: '1001', name: 'x', team: null } }), []],
    ['nothing', null, []],
  ])('%s', (_, it, may) => {
    expect(allowed(it).sort()).toEqual([...may].sort())
  })

  it('is said in the heading', () => {
    const helps = { id: 'h', extension: '1001', name: 'x', team: null }
    expect([
      talk(), talk({ consultation: asked('ringing') }), talk({ consultation: asked('conference', false) }), talk({ consultation: asked('over', false) }),
      talk({ helps, state: 'offered' }), talk({ helps, state: 'offered', handed_over: true }), talk({ helps }), talk({ detour: detour('there') }),
    ].map(headingOf)).toEqual([
      'desk.state.active', 'several.consulting', 'several.together', 'desk.state.active', 'several.asked', 'several.handed', 'several.helping', 'beside.heading',
    ])
  })
})

describe('the picker', () => {
  const people = [colleague('1010', 'busy'), colleague('1003', 'not_ready'), colleague('1002', 'ready', false), colleague('1009', 'ready', true, 'Li'), colleague('1008', 'logged_off')]
  const queues = [{ id: 'q', name: { 'zh-CN': '专家', en: 'Experts' }, waiting: 2, ready: 1 }]
  const keys = (text: string) => choicesFor(text, people, queues).map((one) => one.key)

  it('puts first who can be asked', () => {
    expect(keys('')).toEqual(['agent-a1009', 'agent-a1003', 'agent-a1010', 'agent-a1002', 'agent-a1008', 'queue-q'])
    expect(choicesFor('', people, queues).map((one) => one.kind === 'agent' && one.free)).toEqual([true, true, false, false, false, false])
  })
  it('finds by name in either language, extension, team and queue', () => {
    expect([keys('li'), keys('姓1003'), keys(' 1008 '), keys('expert'), keys('zz')]).toEqual([['agent-a1009'], ['agent-a1003'], ['agent-a1008'], ['queue-q'], []])
    expect(keys('team').length).toBe(5)
  })
  it('offers a typed number, but not a colleague twice', () => {
    expect([keys('021 5000-1234'), keys('1009')]).toEqual([['number'], ['agent-a1009']])
    expect([numberIn('+86 138'), numberIn('12'), numberIn('call me'), numberIn('1'.repeat(21))]).toEqual(['+86138', '', '', ''])
  })
  it('finds ways into flows and what can be sent', () => {
    const entry: FlowEntry = { flow: 'f', flow_name: 'Service', step: 'card', name: { 'zh-CN': '卡号', en: 'Card number' }, beside: true, takes: [], returns: [] }
    const found = (text: string) => choicesFor(text, [], [], [entry], [{ kind: 'fax', code: 'prices', name: 'Price list' }]).map((one) => one.key)
    expect([found('card'), found('卡'), found('list'), found('x')]).toEqual([['flow-f-card'], ['flow-f-card'], ['send-fax-prices'], []])
    expect([sentIn('fax:prices'), sentIn('message:sorry'), sentIn('Card'), sentIn({ en: 'Card' })]).toEqual([{ what: 'fax', code: 'prices' }, { what: 'message', code: 'sorry' }, null, null])
  })
  it('names whom it means as the API does', () => {
    const [first, queue, number] = [choicesFor('1009', people, [])[0] as Receiver, choicesFor('', [], queues)[0] as Receiver, choicesFor('02150001234', [], [])[0] as Receiver]
    expect([target(first), target(queue), target(number)]).toEqual([{ agent: 'a1009' }, { queue: 'q' }, { number: '02150001234' }])
  })
  it('asks somebody of another site by his number, after those who are here', () => {
    const there = { ...colleague('81002', 'distant', true, 'Qiang'), id: 'distant-81002' }
    const [one] = choicesFor('81002', [...people, there], []) as [Receiver]
    expect([target(one), one.kind === 'agent' && one.free]).toEqual([{ number: '81002' }, true])
    expect(choicesFor('', [there, ...people], []).map((each) => each.key).at(-1)).toBe('agent-distant-81002')
  })
})
