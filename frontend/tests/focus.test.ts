// @vitest-environment happy-dom
import { mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defineComponent, h, nextTick, ref } from 'vue'
import { useFocusIn, useKeptFocus } from '@/shell/focus'
import { enable, lockOpen, typing, useShortcuts } from '@/shell/shortcuts'
import { useLive } from '@/stores/live'

const grey = ref(false)
const Acting = defineComponent(() => {
  useKeptFocus()
  return () => [h('button', { id: 'act', disabled: grey.value }), h('button', { id: 'other' })]
})
const step = ref('first')
const Part = defineComponent(() => {
  const root = ref<HTMLElement>()
  useFocusIn(root, () => step.value)
  return () => h('section', { ref: root, tabindex: '-1' }, [h('button', { id: step.value, key: step.value })])
})
const find = (id: string) => document.querySelector<HTMLElement>(`#${id}`)!
const settled = () => new Promise((resolve) => setTimeout(resolve, 20))
let shown: ReturnType<typeof mount> | null = null
afterEach(() => {
  shown?.unmount()
  shown = null
  grey.value = false
  step.value = 'first'
})

/** What the browser does with a focused button that becomes grey. */
async function greys(): Promise<void> {
  find('act').blur()
  grey.value = true
  await settled()
}

describe('the focus of who works by keys', () => {
  it('is back on the button when its act is over', async () => {
    shown = mount(Acting, { attachTo: document.body })
    find('act').focus()
    await greys()
    grey.value = false
    await settled()
    expect(document.activeElement?.id).toBe('act')
  })

  it('stays where somebody went meanwhile', async () => {
    shown = mount(Acting, { attachTo: document.body })
    find('act').focus()
    await greys()
    find('other').focus()
    grey.value = false
    await settled()
    expect(document.activeElement?.id).toBe('other')
  })

  it('is not brought back to who has clicked elsewhere', async () => {
    shown = mount(Acting, { attachTo: document.body })
    find('act').focus()
    await greys()
    document.dispatchEvent(new Event('pointerdown'))
    grey.value = false
    await settled()
    expect(document.activeElement).toBe(document.body)
  })

  it('stays in the part whose button is gone, and comes to no part in which it was not', async () => {
    shown = mount(Part, { attachTo: document.body })
    step.value = 'second'
    await nextTick()
    expect(document.activeElement).toBe(document.body)
    find('second').focus()
    step.value = 'third'
    await settled()
    expect(document.activeElement?.tagName).toBe('SECTION')
  })
})

describe('Escape in a list of choices', () => {
  const Asking = defineComponent(() => {
    useKeptFocus()
    return () => h('div', { class: 'el-dialog' }, [h('input', { id: 'choice', class: 'el-select__input', 'aria-expanded': String(grey.value), onKeydown: (event: Event) => event.stopPropagation() })])
  })
  it('means the dialog when the list is shut, the list when it is open', async () => {
    shown = mount(Asking, { attachTo: document.body })
    let heard = 0
    shown.element.addEventListener('keydown', () => heard++)
    const press = () => find('choice').dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }))
    press()
    expect(heard).toBe(1)
    grey.value = true
    await nextTick()
    press()
    expect(heard).toBe(1)
  })
})

describe('single keys', () => {
  beforeEach(() => {
    setActivePinia(createPinia())
    lockOpen.value = false
    enable(true)
    useLive().documents.desk = { agent: { duty: { state: 'not_ready' }, state: 'not_ready', devices: {} }, assignments: {}, queues: {}, today: {}, calls: [] }
  })
  const Shortcuts = defineComponent(() => {
    useShortcuts({ help: () => undefined })
    return () => h('div', [h('input', { id: 'field' }), h('textarea', { id: 'text' }), h('button', { id: 'button' }), h('div', { role: 'dialog' }, [h('button', { id: 'inside' })])])
  })
  const press = (id: string, more: object = {}) => find(id).dispatchEvent(new KeyboardEvent('keydown', { key: 'l', bubbles: true, ...more }))

  it('mean something anywhere but where letters are typed, and in dialogs', () => {
    shown = mount(Shortcuts, { attachTo: document.body })
    for (const id of ['field', 'text', 'inside']) {
      expect(typing(find(id)), id).toBe(true)
      press(id)
      expect(lockOpen.value, id).toBe(false)
    }
    press('button', { ctrlKey: true })
    expect(lockOpen.value).toBe(false)
    press('button')
    expect(lockOpen.value).toBe(true)
  })

  it('mean nothing when they are switched off', () => {
    shown = mount(Shortcuts, { attachTo: document.body })
    enable(false)
    press('button')
    expect(lockOpen.value).toBe(false)
    enable(true)
  })
})
