/** What we say in SDP: G.711 and telephone-event only, so that nothing is transcoded (the switch speaks nothing else). */

const KEPT = new Set(['PCMA/8000', 'PCMU/8000', 'TELEPHONE-EVENT/8000'])

function payloadOf(line: string): string | null {
  return /^a=(?:rtpmap|fmtp|rtcp-fb):(\d+)/.exec(line)?.[1] ?? null
}

/** Payload type numbers of the codecs that stay, PCMA before PCMU before telephone-event, in the order given otherwise. */
function kept(lines: string[], offered: string[]): string[] {
  const names = new Map<string, string>([['0', 'PCMU/8000'], ['8', 'PCMA/8000']])
  for (const line of lines) {
    const match = /^a=rtpmap:(\d+) ([^/]+\/\d+)/.exec(line)
    if (match) names.set(match[1]!, match[2]!.toUpperCase())
  }
  const rank = (payload: string) => [...KEPT].indexOf(names.get(payload) ?? '')
  return offered.filter((payload) => rank(payload) >= 0).sort((a, b) => rank(a) - rank(b))
}

function reduced(section: string[]): string[] {
  const match = /^(m=audio \d+ \S+) (.+)$/.exec(section[0] ?? '')
  if (!match) return section
  const payloads = kept(section, match[2]!.split(' '))
  if (payloads.length === 0) return section
  const rest = section.slice(1).filter((line) => {
    const payload = payloadOf(line)
    return payload === null || payloads.includes(payload)
  })
  return [`${match[1]} ${payloads.join(' ')}`, ...rest]
}

/** `sdp` with every audio section cut down to G.711 and telephone-event; unchanged where none of them is offered. */
export function g711Only(sdp: string): string {
  const sections: string[][] = [[]]
  for (const line of sdp.split(/\r?\n/).filter((text) => text !== '')) {
    if (line.startsWith('m=')) sections.push([])
    sections[sections.length - 1]!.push(line)
  }
  return sections.flatMap(reduced).join('\r\n') + '\r\n'
}
