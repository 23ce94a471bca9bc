// @vitest-environment happy-dom
import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { configureApi } from '@/api/client'
import type { KeptRecording } from '@/api/types'
import RecordingCard from '@/calls/RecordingCard.vue'
import { setLanguage } from '@/i18n'
import { useSession } from '@/stores/session'

const RECORDING = {
  id: 'r', version: 1, url: '', milliseconds: 9, began_at: '2026-11-22T01:00:00Z', state: 'there', title: '', note: 'as it was', tags: [], marks: [],
  complete: true, held: false, deleted_at: null, purge_at: null, delete_reason: '',
} as unknown as KeptRecording
const sheet = (id: string) => ({ id, version: 1, code: id, name: `Sheet ${id}`, criteria: [], pass_percent: 80 })
let sheets: object[] = []
let posted: unknown[] = []
let card: ReturnType<typeof mount>

async function open(...rights: string[]): Promise<void> {
  useSession().me = { rights } as never
  card = mount(RecordingCard, { props: { recording: RECORDING, number: 1 }, attachTo: document.body, global: { stubs: { Player: true, AssessmentCard: true } } })
  await flushPromises()
}
const press = async (name: string) => (await card.get(`[data-test=${name}]`).trigger('click'), await flushPromises())

beforeEach(() => {
  setActivePinia(createPinia())
  setLanguage('en')
  posted = []
  configureApi({
    token: () => 'x',
    say: (code) => code,
    fetch: ((path: string, options: RequestInit) => {
      if (options.method === 'POST') posted.push(JSON.parse(String(options.body)))
      return Promise.resolve(new Response(JSON.stringify(options.method === 'POST' ? { id: 'made' } : { items: path.includes('score_sheets') ? sheets : [] })))
    }) as typeof fetch,
  })
})
afterEach(() => card.unmount())

describe('what is done with a recording', () => {
  it('stands in one row, assessing too, for whoever may', async () => {
    await open('recordings.edit', 'recordings.download', 'recordings.delete', 'assessments.write')
    expect(card.findAll('.acts > button').map((one) => one.text())).toEqual(['Note and tag', 'Download WAV', 'Download Opus', 'Assess', 'Hold', 'Delete'])
    expect(card.find('.of-recording').exists(), 'nothing stands below them').toBe(false)
    card.unmount()
    await open('recordings.edit', 'assessments.own')
    expect(card.findAll('.acts > button').map((one) => one.text())).toEqual(['Note and tag'])
  })

  it('asks by which sheet to assess where there are several, and is put away by the same button or Escape', async () => {
    sheets = [sheet('a'), sheet('b')]
    await open('assessments.write')
    await press('assess')
    expect(document.activeElement).toBe(card.get('[data-test=sheet]').element)
    expect(card.get('[data-test=assess]').attributes('aria-expanded')).toBe('true')
    await press('assess')
    expect(card.find('[data-test=sheet]').exists()).toBe(false)
    await press('assess')
    await card.get('[data-test=sheet]').trigger('keydown', { key: 'Escape' })
    expect([card.find('[data-test=sheet]').exists(), document.activeElement]).toEqual([false, card.get('[data-test=assess]').element])
    expect(posted).toEqual([])
  })

  it('is assessed at once by the only sheet; without one it is said who makes one', async () => {
    sheets = [sheet('a')]
    await open('assessments.write')
    await press('assess')
    expect(posted).toEqual([{ recording: 'r', sheet: 'a' }])
    sheets = []
    await press('assess')
    expect(card.get('.begin [role=status]').text()).toContain('There is no score sheet')
  })

  it('keeps nothing of a note that is cancelled, and its button stays as wide as it was', async () => {
    await open('recordings.edit')
    await press('edit-recording')
    await card.get('[data-test=recording-note]').setValue('something else')
    expect(card.get('[data-test=edit-recording]').text()).toBe('Note and tag')
    await card.get('.saving .plain').trigger('click')
    expect([card.find('.edit').exists(), document.activeElement]).toEqual([false, card.get('[data-test=edit-recording]').element])
    await press('edit-recording')
    expect(card.get<HTMLTextAreaElement>('[data-test=recording-note]').element.value).toBe('as it was')
  })
})
