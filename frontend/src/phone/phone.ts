/**
 * The telephone in the page: JsSIP over a WebSocket, G.711, host candidates only. The same module serves the desk (registers, is
 * called) and the customer's page (does not register, calls). Leaving the page sends nothing: the switch keeps the call and sends an
 * INVITE with `X-Yitong-Resume: 1` to the next page, which answers by itself.
 */
import JsSIP from 'jssip'
import type { RTCSession } from 'jssip/lib/RTCSession'
import type { PhoneCredential } from '@/api/types'
import { after } from '@/live/awake'
import { audioChoice, closeMicrophone, MicrophoneError, openMicrophone, type MicrophoneTrouble } from './microphone'
import { PageSocket } from './challenges'
import { g711Only } from './sdp'

export type Registration = 'off' | 'connecting' | 'registered' | 'reconnecting' | 'refused'
export type CallPhase = 'none' | 'calling' | 'ringing' | 'answering' | 'talking'

export interface CallView { phase: CallPhase; muted: boolean; number: string; resumed: boolean; since: number | null; deaf: boolean }
/** Why a call ended: a SIP status (486), or 0 with JsSIP's word for it. */
export interface CallEnd { status: number; cause: string; byUs: boolean }

export interface PhoneHears {
  registration(state: Registration): void
  call(view: CallView): void
  ended(end: CallEnd): void
  microphone(trouble: MicrophoneTrouble | null): void
  /** The credential no longer serves; a new one is wanted. */
  expired(): void
}

/** The call is taken without a click: it goes on here after a reload, or its own user asked for it (an agent who dials, a supervisor). */
function answersByItself(request: { getHeader(name: string): string | undefined }): boolean {
  return request.getHeader('X-Yitong-Resume') === '1' || /answer-after\s*=\s*0\b/.test(request.getHeader('Call-Info') ?? '')
}

export const NO_CALL: CallView = { phase: 'none', muted: false, number: '', resumed: false, since: null, deaf: false }

/** Half of what a binding lasts. */
const REFRESH_MS = 60_000

type Internals = { _transport?: { disconnect(): void } }

export class Phone {
  private ua: InstanceType<typeof JsSIP.UA> | null = null
  private session: RTCSession | null = null
  private stream: Promise<MediaStream> | null = null
  private view: CallView = NO_CALL
  private domain = ''
  private endedByUs = false
  private stopRefreshing: (() => void) | null = null

  constructor(
    private readonly hears: PhoneHears,
    private readonly audio: HTMLAudioElement,
  ) {}

  get inCall(): boolean {
    return this.session !== null
  }

  /** Connect with `credential`; `register` for a desk, not for a guest. Replaces an older registration without a BYE. */
  start(credential: PhoneCredential, register: boolean): void {
    this.forsake()
    const uri = JsSIP.URI.parse(credential.uri)
    this.domain = uri?.host ?? location.hostname
    const ua = new JsSIP.UA({
      sockets: [new PageSocket(credential.url)],
      uri: credential.uri,
      authorization_user: credential.username,
      password: credential.password,
      realm: credential.realm,
      register,
      register_expires: 120,
      session_timers: false,
      connection_recovery_min_interval: 1,
      connection_recovery_max_interval: 4,
      user_agent: `JsSIP ${JsSIP.version} (Yitong page)`,
    })
    this.ua = ua
    this.hears.registration('connecting')
    ua.on('connected', () => this.ua === ua && !register && this.hears.registration('registered'))
    ua.on('registered', () => this.ua === ua && this.hears.registration('registered'))
    ua.on('disconnected', () => this.ua === ua && this.hears.registration('reconnecting'))
    ua.on('registrationFailed', (event: { response?: { status_code?: number } }) => this.ua === ua && this.registrationFailed(event.response?.status_code))
    ua.on('newRTCSession', (event: { originator: string; session: RTCSession; request: { getHeader(name: string): string | undefined } }) => {
      if (this.ua === ua && event.originator === 'remote') this.called(event.session, answersByItself(event.request))
    })
    ua.start()
    if (register) this.refresh(ua)
  }

  /** Register anew before the binding runs out, also while the page is hidden and its own timers sleep. */
  private refresh(ua: InstanceType<typeof JsSIP.UA>): void {
    this.stopRefreshing = after(REFRESH_MS, () => {
      if (this.ua !== ua) return
      if (ua.isRegistered()) ua.register()
      this.refresh(ua)
    })
  }

  /** Sign off in order: unregisters; a call is ended. */
  stop(): void {
    this.stopRefreshing?.()
    this.ua?.stop()
    this.ua = null
    this.over()
    this.hears.registration('off')
  }

  /** Fall silent without a word to the switch, so that another page can take the call. */
  forsake(): void {
    this.stopRefreshing?.()
    const ua = this.ua as (InstanceType<typeof JsSIP.UA> & Internals) | null
    this.ua = null
    try {
      this.session?.connection?.close()
      ua?._transport?.disconnect()
    } catch {
      // nothing to be closed any more
    }
    this.over()
  }

  call(number: string): void {
    if (this.ua === null || this.session !== null) return
    this.endedByUs = false
    this.show({ ...NO_CALL, phase: 'calling', number })
    const ua = this.ua
    void this.microphone().then(
      (mediaStream) => {
        if (this.ua !== ua || this.view.phase !== 'calling') return closeMicrophone(mediaStream)
        this.session = ua.call(`sip:${number}@${this.domain}`, {
          mediaStream,
          pcConfig: { iceServers: [], bundlePolicy: 'max-bundle' },
          rtcOfferConstraints: { offerToReceiveAudio: true, offerToReceiveVideo: false },
          eventHandlers: { peerconnection: (event: { peerconnection: RTCPeerConnection }) => this.hearRemote(event.peerconnection) },
        }) as unknown as RTCSession
        this.watch(this.session)
      },
      () => this.over(),
    )
  }

  answer(): void {
    const session = this.session
    if (session === null || this.view.phase !== 'ringing') return
    this.show({ ...this.view, phase: 'answering' })
    void this.microphone().then(
      (mediaStream) => session === this.session && session.answer({ mediaStream, pcConfig: { iceServers: [], bundlePolicy: 'max-bundle' } }),
      () => this.session === session && this.show({ ...this.view, phase: 'ringing' }),
    )
  }

  /** BYE, CANCEL or a final refusal, whichever the state asks for. Works without the application server. */
  hangUp(): void {
    this.endedByUs = true
    try {
      this.session?.terminate(this.view.phase === 'ringing' ? { status_code: 603 } : undefined)
    } catch {
      // it ended in the same moment
    }
    if (this.session === null) this.over()
  }

  mute(muted: boolean): void {
    if (this.session === null) return
    if (muted) this.session.mute({ audio: true })
    else this.session.unmute({ audio: true })
    this.show({ ...this.view, muted })
  }

  /** Digits by RFC 4733; the browser makes and times them. */
  key(tones: string): void {
    const sender = this.session?.connection?.getSenders().find((each) => each.dtmf)?.dtmf
    if (sender?.canInsertDTMF) sender.insertDTMF(sender.toneBuffer + tones, 100, 70)
  }

  /** After a click of the user: let the sound play that the browser held back. */
  async hear(): Promise<void> {
    try {
      await this.audio.play()
      this.show({ ...this.view, deaf: false })
    } catch {
      this.show({ ...this.view, deaf: true })
    }
  }

  private registrationFailed(status: number | undefined): void {
    if (status === 401 || status === 403 || status === 407) {
      this.hears.registration('refused')
      this.hears.expired()
    } else {
      this.hears.registration('reconnecting')
    }
  }

  private called(session: RTCSession, resumed: boolean): void {
    if (this.session !== null) {
      session.terminate({ status_code: 486 })
      return
    }
    this.session = session
    this.endedByUs = false
    session.on('peerconnection', (event) => this.hearRemote(event.peerconnection))
    this.watch(session)
    this.show({ ...NO_CALL, phase: 'ringing', number: session.remote_identity?.uri?.user ?? '', resumed })
    void this.microphone().catch(() => undefined) // warm, so that answering is quick
    if (resumed) this.answer()
  }

  private watch(session: RTCSession): void {
    const mine = () => this.session === session
    session.on('sdp', (event) => {
      if (event.originator === 'local') event.sdp = g711Only(event.sdp)
    })
    session.on('icecandidate', (event) => event.ready()) // the switch is ICE-lite and learns our address from the check
    session.on('progress', () => mine() && this.view.phase === 'calling' && this.show({ ...this.view }))
    session.on('accepted', () => mine() && this.show({ ...this.view, phase: 'talking', since: Date.now() }))
    const end = (event: { message?: unknown; cause: string }) => {
      if (!mine()) return
      const status = (event.message as { status_code?: number } | null)?.status_code ?? 0
      const byUs = this.endedByUs
      this.over()
      this.hears.ended({ status, cause: event.cause, byUs })
    }
    session.on('ended', end)
    session.on('failed', end)
  }

  private hearRemote(connection: RTCPeerConnection): void {
    connection.addEventListener('track', (event) => {
      this.audio.srcObject = event.streams[0] ?? new MediaStream([event.track])
      const output = audioChoice().output
      if (output && 'setSinkId' in this.audio) void this.audio.setSinkId(output).catch(() => undefined)
      void this.hear()
    })
    connection.addEventListener('iceconnectionstatechange', () => {
      if (connection.iceConnectionState === 'failed') this.restartIce()
    })
  }

  /** The network changed under us: ask for a new path, the call stays. */
  private restartIce(): void {
    const session = this.session
    if (session?.isEstablished() && session.isReadyToReOffer()) session.renegotiate({ rtcOfferConstraints: { iceRestart: true } })
  }

  private microphone(): Promise<MediaStream> {
    this.stream ??= openMicrophone().then(
      (stream) => {
        this.hears.microphone(null)
        return stream
      },
      (error: unknown) => {
        this.stream = null
        this.hears.microphone(error instanceof MicrophoneError ? error.trouble : 'failed')
        throw error
      },
    )
    return this.stream
  }

  private over(): void {
    this.session = null
    this.audio.srcObject = null
    void this.stream?.then(closeMicrophone, () => undefined)
    this.stream = null
    this.show(NO_CALL)
  }

  private show(view: CallView): void {
    this.view = view
    this.hears.call(view)
  }
}
