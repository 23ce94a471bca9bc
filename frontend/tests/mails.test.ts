// @vitest-environment happy-dom
import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it } from 'vitest'
import { configureApi } from '@/api/client'
import { choicesOf, inserted, matching, type Mail, type MailTemplate } from '@/desk/mail'
import MailTemplates from '@/desk/MailTemplates.vue'
import { setLanguage } from '@/i18n'
import { LISTS, mayBeDiscarded, mayBeTaken, neighbour, REASONS, tone } from '@/mails/aside'
import en from '@/locales/en.json'

const mail = (more: Partial<Mail>) => ({ id: 'm', direction: 'in', state: 'kept', reason: 'bulk', ...more }) as Mail
const TEMPLATES: MailTemplate[] = [
  { id: '1', code: 'thanks', name: { 'zh-CN': '致谢', en: 'Thanks' }, texts: { 'zh-CN': '王小波，您好！', en: 'Dear Wang' }, language: 'zh-CN' },
  { id: '2', code: 'bill', name: 'Bill', texts: { en: 'Your new bill is attached.' }, language: 'en' },
]

describe('a mail that nobody was shown', () => {
  it('is taken in or discarded, but not while core may have it or where no address takes it', () => {
    const may = (more: Partial<Mail>) => [mayBeTaken(mail(more)), mayBeDiscarded(mail(more))]
    expect(may({})).toEqual([true, true])
    expect(may({ state: 'discarded' })).toEqual([true, false])
    expect(may({ state: 'new', reason: '' })).toEqual([false, false])
    expect(may({ state: 'new', reason: 'unknown_queue' })).toEqual([true, true])
    expect(may({ state: 'new', reason: 'core_unavailable' })).toEqual([true, false])
    expect(may({ state: 'new', reason: 'no_account' })).toEqual([false, true])
    expect(may({ state: 'taken', reason: '' })).toEqual([false, false])
    expect(may({ direction: 'out', state: 'failed' })).toEqual([false, false])
  })
  it('has words for why, and for every list', () => {
    expect(REASONS.filter((one) => !(one in en.mails.why) || !(one in en.mails.advice))).toEqual([])
    expect(LISTS.map((one) => one || 'all').filter((one) => !(one in en.mails.list) || !(one in en.mails.none) || !(one in en.mails.none_hint))).toEqual([])
    expect([tone(mail({})), tone(mail({ state: 'new' })), tone(mail({ direction: 'out', state: 'uncertain' }))]).toEqual(['working_after_call', 'danger', 'working_after_call'])
  })
  it('leaves the focus to the next one, and at the end to the one before', () => {
    const all = ['a', 'b', 'c'].map((id) => mail({ id }))
    expect([neighbour(all, 'a')?.id, neighbour(all, 'c')?.id, neighbour([all[0]!], 'a')]).toEqual(['b', 'b', undefined])
  })
})

describe('reply templates', () => {
  it('come in the language that fits first', () => {
    const choices = choicesOf(TEMPLATES)
    expect(choices.map((one) => [one.code, one.language])).toEqual([['thanks', 'zh-CN'], ['bill', 'en'], ['thanks', 'en']])
    expect([matching(choices, '致谢').length, matching(choices, 'NEW bill')[0]?.code, matching(choices, 'x y').length]).toEqual([2, 'bill', 0])
  })
  it('go in where one writes', () => {
    expect(inserted('Hello\nold end', 6, 9, 'new')).toEqual({ text: 'Hello\nnew end', caret: 9 })
    expect(inserted('\n\n-- ', 0, 0, 'Hi')).toEqual({ text: 'Hi\n\n-- ', caret: 2 })
  })

  beforeEach(() => {
    setActivePinia(createPinia())
    setLanguage('en')
    configureApi({ token: () => 'x', say: (code) => code, fetch: (() => Promise.resolve(new Response(JSON.stringify({ items: TEMPLATES })))) as unknown as typeof fetch })
  })
  it('are chosen by keys alone', async () => {
    const page = mount(MailTemplates, { props: { mail: 'm' }, attachTo: document.body })
    await flushPromises()
    const field = page.get('[data-test=template-words]')
    expect([document.activeElement, page.get('[data-test=template-text]').text()]).toEqual([field.element, '王小波，您好！'])
    await field.trigger('keydown', { key: 'ArrowDown' })
    await flushPromises()
    expect(page.get('[data-test=template-text]').text()).toBe('Your new bill is attached.')
    expect(field.attributes('aria-activedescendant')).toBe(page.get('[aria-selected=true]').attributes('id'))
    await field.setValue('dear')
    await field.trigger('keydown', { key: 'Enter' })
    await field.trigger('keydown', { key: 'Escape' })
    expect([page.emitted('choose'), page.emitted('close')?.length]).toEqual([[['Dear Wang']], 1])
    page.unmount()
  })
})
