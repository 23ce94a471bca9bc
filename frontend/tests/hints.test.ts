// @vitest-environment happy-dom
import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { configureApi } from '@/api/client'
import DialBox from '@/desk/DialBox.vue'
import { setLanguage } from '@/i18n'
import MailsPage from '@/mails/MailsPage.vue'

const COLLEAGUE = { id: 'a', extension: '1002', name: 'Li Qiang', team: 'One', state: 'ready', since: 1, reachable: true }
let items: object[] = []

beforeEach(() => {
  setActivePinia(createPinia())
  setLanguage('en')
  configureApi({ token: () => 'x', say: (code) => code, fetch: (() => Promise.resolve(new Response(JSON.stringify({ items })))) as unknown as typeof fetch })
})

describe('what a page says beside its lists', () => {
  it('does not ask to choose a mail where there is none', async () => {
    items = []
    const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/', component: MailsPage }] })
    await router.push('/')
    const page = mount(MailsPage, { global: { plugins: [router] } })
    await flushPromises()
    expect(page.find('[data-test=no-mails]').exists()).toBe(true)
    expect(page.text()).not.toContain('Choose a mail')
    page.unmount()
  })
  it('is not covered by the colleagues once the field is left', async () => {
    items = [COLLEAGUE]
    const box = mount(DialBox, { attachTo: document.body })
    const field = box.get<HTMLInputElement>('[data-test=dial-number]')
    field.element.focus()
    await flushPromises()
    await field.setValue('100')
    expect(box.find('#dial-list').exists()).toBe(true)
    box.get<HTMLButtonElement>('button[type=submit]').element.focus()
    await flushPromises()
    expect(box.find('#dial-list').exists()).toBe(false)
    box.unmount()
  })
})
