import { describe, expect, it } from 'vitest'
import { answerable } from '@/phone/challenges'
import { g711Only } from '@/phone/sdp'

const CHROME = [
  'v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126', 'c=IN IP4 0.0.0.0', 'a=ice-ufrag:abcd', 'a=mid:0',
  'a=rtpmap:111 opus/48000/2', 'a=rtcp-fb:111 transport-cc', 'a=fmtp:111 minptime=10;useinbandfec=1', 'a=rtpmap:63 red/48000/2', 'a=fmtp:63 111/111',
  'a=rtpmap:9 G722/8000', 'a=rtpmap:0 PCMU/8000', 'a=rtpmap:8 PCMA/8000', 'a=rtpmap:13 CN/8000', 'a=rtpmap:110 telephone-event/48000',
  'a=rtpmap:126 telephone-event/8000', 'a=ssrc:1 cname:x',
].join('\r\n') + '\r\n'

describe('g711Only', () => {
  it('keeps PCMA, PCMU and telephone-event at 8 kHz, in this order, and everything that is no codec', () => {
    const lines = g711Only(CHROME).split('\r\n')
    expect(lines).toContain('m=audio 9 UDP/TLS/RTP/SAVPF 8 0 126')
    expect(lines.filter((line) => line.startsWith('a=rtpmap'))).toEqual(['a=rtpmap:0 PCMU/8000', 'a=rtpmap:8 PCMA/8000', 'a=rtpmap:126 telephone-event/8000'])
    expect(lines).toContain('a=ice-ufrag:abcd')
    expect(lines).toContain('a=ssrc:1 cname:x')
    expect(lines.some((line) => /opus|red|G722|:111|:63/.test(line))).toBe(false)
  })

  it('knows the static payload types without rtpmap', () => {
    expect(g711Only('v=0\r\nm=audio 9 RTP/AVP 18 0\r\n')).toBe('v=0\r\nm=audio 9 RTP/AVP 0\r\n')
  })

  it('leaves a section without G.711 as it is', () => {
    const sdp = 'v=0\r\nm=audio 9 RTP/AVP 111\r\na=rtpmap:111 opus/48000/2\r\n'
    expect(g711Only(sdp)).toBe(sdp)
  })
})

describe('answerable', () => {
  const md5 = 'WWW-Authenticate: Digest realm="yitong", nonce="a", qop="auth", algorithm=MD5'
  const sha = 'WWW-Authenticate: Digest realm="yitong", nonce="a", qop="auth", algorithm=SHA-256'

  it('leaves JsSIP the MD5 challenge, wherever it stands', () => {
    for (const order of [[md5, sha], [sha, md5]]) {
      expect(answerable(['SIP/2.0 401 Unauthorized', ...order, 'CSeq: 1 REGISTER', '', ''].join('\r\n'))).toBe(
        ['SIP/2.0 401 Unauthorized', md5, 'CSeq: 1 REGISTER', '', ''].join('\r\n'),
      )
    }
  })

  it('changes nothing else', () => {
    for (const message of [`SIP/2.0 401 Unauthorized\r\n${sha}\r\n\r\n`, 'SIP/2.0 200 OK\r\nCSeq: 1 REGISTER\r\n\r\n', `INVITE sip:x SIP/2.0\r\n\r\nv=0\r\n`]) {
      expect(answerable(message)).toBe(message)
    }
  })
})
