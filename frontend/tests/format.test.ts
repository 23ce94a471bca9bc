import { describe, expect, it } from 'vitest'
import { clockText, customerName, moment, named, percent, phoneText, startOfDay, today } from '@/format'

describe('format', () => {
  it('tells running times', () => {
    expect([0, 5, 65, 3725, -3].map(clockText)).toEqual(['0:00', '0:05', '1:05', '1:02:05', '0:00'])
  })

  it('takes names in the reader’s language, else another', () => {
    expect(named({ 'zh-CN': '服务', en: 'Service' }, 'en')).toBe('Service')
    expect(named({ 'zh-CN': '服务' }, 'en')).toBe('服务')
    expect(named('plain', 'en')).toBe('plain')
    expect(named(null, 'en')).toBe('')
  })

  it('shows times in the site’s zone, whatever the browser’s', () => {
    const at = Date.UTC(2026, 10, 22, 16, 30, 5) * 1000
    expect(moment(at, 'time', 'zh-CN', 'Asia/Shanghai')).toBe('00:30:05')
    expect(moment(new Date(at / 1000).toISOString(), 'date', 'zh-CN', 'Asia/Shanghai')).toBe('2026/11/23')
    expect(today(at / 1000, 'Asia/Shanghai')).toBe('2026-11-23')
    expect(today(at / 1000, 'UTC')).toBe('2026-11-22')
  })

  it('finds where a day begins, also when the clocks change', () => {
    expect(startOfDay('2026-11-22', 'Asia/Shanghai').toISOString()).toBe('2026-11-21T16:00:00.000Z')
    expect(startOfDay('2026-03-29', 'Europe/Berlin').toISOString()).toBe('2026-03-28T23:00:00.000Z')
    expect(startOfDay('2026-03-30', 'Europe/Berlin').toISOString()).toBe('2026-03-29T22:00:00.000Z')
    expect(startOfDay('2026-10-26', 'Europe/Berlin').toISOString()).toBe('2026-10-25T23:00:00.000Z')
  })

  it('groups the numbers of China and leaves others and masked ones alone', () => {
    expect(phoneText('+861065510002')).toBe('+86 10 6551 0002')
    expect(phoneText('02155510001')).toBe('021 5551 0001')
    expect(phoneText('075588881234')).toBe('0755 8888 1234')
    expect(phoneText('+8613800138000')).toBe('+86 138 0013 8000')
    expect(phoneText('13800138000')).toBe('138 0013 8000')
    expect(phoneText('+86138****8000')).toBe('+86138****8000')
    expect(phoneText('96900')).toBe('96900')
    expect(phoneText(null)).toBe('')
  })

  it('shows shares and customers', () => {
    expect([percent(0.856), percent(1), percent(null)]).toEqual(['85.6%', '100%', '–'])
    expect(customerName({ id: '1', name: '王芳', class: '', region: '', note: '' }, 'zh-CN')).toBe('王芳')
    expect(customerName('王芳', 'en')).toBe('王芳')
  })
})
