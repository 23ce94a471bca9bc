/**
 * JsSIP keeps only the last challenge of a 401 or 407 and knows MD5 alone, so it gives up where SHA-256 stands below MD5 (RFC 8760 §2.4).
 * The socket leaves it the challenges that it can answer.
 */
import JsSIP from 'jssip'

const CHALLENGE = /^(?:WWW|Proxy)-Authenticate:/i
const MD5 = /algorithm="?MD5"?\s*(?:,|$)/i

/** `message` without the challenges that JsSIP cannot answer, where there is one that it can. */
export function answerable(message: string): string {
  if (!/^SIP\/2\.0 40[17] /.test(message)) return message
  const [head, ...rest] = message.split('\r\n\r\n')
  const lines = head!.split('\r\n')
  const challenges = lines.filter((line) => CHALLENGE.test(line))
  const fit = (line: string) => MD5.test(line) || !/algorithm=/i.test(line)
  if (!challenges.some(fit)) return message
  return [lines.filter((line) => !CHALLENGE.test(line) || fit(line)).join('\r\n'), ...rest].join('\r\n\r\n')
}

export class PageSocket extends JsSIP.WebSocketInterface {
  /** Called by the WebSocket; the name is JsSIP's. */
  _onMessage(event: { data: unknown }): void {
    const { data } = event
    const base = Object.getPrototypeOf(PageSocket.prototype) as { _onMessage(event: { data: unknown }): void }
    base._onMessage.call(this, { data: typeof data === 'string' ? answerable(data) : data })
  }
}
