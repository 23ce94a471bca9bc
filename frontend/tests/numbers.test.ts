// @vitest-environment happy-dom
import { mount } from '@vue/test-utils'
import { afterEach, describe, expect, it } from 'vitest'
import { defineComponent, h, nextTick, ref } from 'vue'
import { setLanguage } from '@/i18n'
import NumberInput from '@/inputs/NumberInput.vue'
import { briefly, fits, numberOf, numbersFit, stepped } from '@/inputs/numbers'
import { at, KINDS } from '@/settings/kinds'

const days = { least: 1, most: 100 }

describe('a number as it is typed', () => {
  it('is read whichever keyboard wrote it', () => {
    expect(['100', ' 7 ', '５００', '－3', '\u22122', '0.5', '.5', '5.', '', 'ten', '1e3', '0x10', '1,000'].map(numberOf)).toEqual([100, 7, 500, -3, -2, 0.5, 0.5, 5, null, null, null, null, null])
  })
  it('fits within its limits only, whole where it must be', () => {
    expect(['1', '100', '0', '101', '1.5', 'x', ''].map((text) => fits(text, days))).toEqual([true, true, false, false, false, false, false])
    expect([fits('0.1', { least: 0.1, most: 9, fraction: true }), fits('', { ...days, optional: true })]).toEqual([true, true])
  })
  it('goes by arrow keys no further than its limits', () => {
    expect([stepped('100', 1, days), stepped('500', -1, days), stepped('', 1, days), stepped('0.1', -1, { least: 0.1, most: 9, fraction: true })]).toEqual([100, 100, 1, 0.1])
  })
  it('is found wrong in a word where there is room for no more', () => {
    expect(['0', '500', '', 'x', '1.5', '100.5'].map((text) => briefly(text, days, 'whole'))).toEqual(['1–100', '1–100', '1–100', '1–100', 'whole', '1–100'])
  })
  it('has limits and a first value wherever one is asked for', () => {
    const bounded = (one: { minimum?: number; maximum?: number }) => one.minimum !== undefined && one.maximum !== undefined && one.minimum < one.maximum
    for (const kind of KINDS) {
      for (const field of kind.fields) {
        if (field.type === 'number') expect(bounded(field) && typeof at(kind.fresh, field.path) === 'number', `${kind.kind} ${field.path}`).toBe(true)
        for (const column of field.columns ?? []) if (column.type === 'number') expect(bounded(column), `${kind.kind} ${field.path} ${column.key}`).toBe(true)
      }
    }
  })
})

describe('a field of a number', () => {
  const kept = ref<number | null>(20)
  const Form = defineComponent(() => () => h('form', [
    h('input', { id: 'before' }),
    h(NumberInput, { id: 'days', ...days, modelValue: kept.value, 'onUpdate:modelValue': (next: number | null) => (kept.value = next) }),
  ]))
  let page: ReturnType<typeof mount> | null = null
  const open = () => (page = mount(Form, { attachTo: document.body }))
  const typed = (field: HTMLInputElement, text: string) => {
    field.value = text
    field.dispatchEvent(new Event('input'))
    return nextTick()
  }
  afterEach(() => {
    page?.unmount()
    kept.value = 20
  })

  it('keeps what was typed, says what may be, and has the focus when saving is refused', async () => {
    setLanguage('zh-CN')
    const form = open()
    const field = form.get<HTMLInputElement>('#days')
    await typed(field.element, '500')
    expect([field.element.value, kept.value, form.find('[role=alert]').exists()], 'nobody is told while he types').toEqual(['500', 500, false])
    form.get<HTMLInputElement>('#before').element.focus()
    expect(numbersFit(form.element as HTMLElement)).toBe(false)
    await nextTick()
    expect([field.element.value, document.activeElement, field.attributes('aria-invalid')]).toEqual(['500', field.element, 'true'])
    expect(form.get('[role=alert]').text()).toBe('请填写 1 到 100 之间的整数。')
    expect(field.attributes('aria-describedby')).toBe(form.get('[role=alert]').attributes('id'))
    setLanguage('en')
    await nextTick()
    expect(form.get('[role=alert]').text()).toBe('Enter a whole number from 1 to 100.')
    await typed(field.element, '50')
    expect([kept.value, form.find('[role=alert]').exists(), numbersFit(form.element as HTMLElement)]).toEqual([50, false, true])
  })

  it('says it within itself where it is one of many, so that nothing is covered; whole, when pointed at and to who hears it', async () => {
    setLanguage('en')
    const small = (page = mount(NumberInput, { props: { ...days, small: true, label: 'Level', modelValue: 20 }, attachTo: document.body }))
    const field = small.get<HTMLInputElement>('input')
    expect([small.find('.brief').exists(), field.attributes('title'), field.attributes('style')]).toEqual([false, undefined, undefined])
    await typed(field.element, '1.5')
    await field.trigger('change')
    expect([small.get('.brief').text(), field.attributes('title')]).toEqual(['whole', 'Enter a whole number from 1 to 100.'])
    await typed(field.element, '5000')
    expect([small.get('.brief').text(), small.get('.sr-only').text(), small.find('.wrong').exists()]).toEqual(['1–100', 'Enter a whole number from 1 to 100.', false])
    expect(field.attributes('aria-describedby')).toBe(small.get('.sr-only').attributes('id'))
  })

  it('says it when it is left, and takes what is loaded anew', async () => {
    const form = open()
    const field = form.get<HTMLInputElement>('#days')
    await typed(field.element, 'many')
    await field.trigger('change')
    expect([field.element.value, kept.value, form.find('[role=alert]').exists()]).toEqual(['many', null, true])
    kept.value = 30
    await nextTick()
    expect([field.element.value, form.find('[role=alert]').exists()]).toEqual(['30', false])
    await field.trigger('keydown', { key: 'ArrowUp' })
    expect([field.element.value, kept.value]).toEqual(['31', 31])
  })
})
