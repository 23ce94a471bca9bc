import { describe, expect, it } from 'vitest'
import { tracks, tracksOf } from '@/calls/growing'

describe('a sound that grows', () => {
  it('tells its tracks by its head', () => {
    const head = new Uint8Array(44)
    head[22] = 2
    expect(tracksOf(head)).toBe(2)
  })

  it('gives each track its samples, the lower octet first, whatever comes before them in memory', () => {
    const octets = new Uint8Array([9, 9, 0x00, 0x40, 0x00, 0x80, 0x00, 0x00, 0xff, 0x7f]).subarray(2)
    const [left, right] = tracks(octets, 2)
    expect([...left!]).toEqual([0.5, 0])
    expect(right![0]).toBe(-1)
    expect(right![1]).toBeCloseTo(1, 3)
  })
})
