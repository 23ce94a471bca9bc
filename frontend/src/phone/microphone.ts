/** The microphone: may we, which one, and the sentence's key when not. */

export type MicrophoneTrouble = 'insecure' | 'unsupported' | 'denied' | 'none' | 'in_use' | 'failed'

export class MicrophoneError extends Error {
  constructor(readonly trouble: MicrophoneTrouble) {
    super(trouble)
  }
}

/** Can this page be a phone at all? */
export function supportTrouble(): MicrophoneTrouble | null {
  if (typeof RTCPeerConnection === 'undefined' || typeof WebSocket === 'undefined') return 'unsupported'
  if (!window.isSecureContext) return 'insecure'
  return navigator.mediaDevices ? null : 'unsupported'
}

export async function permission(): Promise<PermissionState> {
  try {
    return (await navigator.permissions.query({ name: 'microphone' as PermissionName })).state
  } catch {
    return 'prompt' // Firefox before 132 does not know the name
  }
}

export interface AudioChoice { input: string; output: string; noiseSuppression: boolean }

export function audioChoice(): AudioChoice {
  return {
    input: localStorage.getItem('yitong.audio.input') ?? '',
    output: localStorage.getItem('yitong.audio.output') ?? '',
    noiseSuppression: localStorage.getItem('yitong.audio.noise_suppression') !== 'off',
  }
}

export function keepAudioChoice(choice: AudioChoice): void {
  localStorage.setItem('yitong.audio.input', choice.input)
  localStorage.setItem('yitong.audio.output', choice.output)
  localStorage.setItem('yitong.audio.noise_suppression', choice.noiseSuppression ? 'on' : 'off')
}

function troubleOf(error: unknown): MicrophoneTrouble {
  const name = error instanceof Error ? error.name : ''
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied'
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'none'
  return name === 'NotReadableError' || name === 'AbortError' ? 'in_use' : 'failed'
}

export async function openMicrophone(): Promise<MediaStream> {
  const trouble = supportTrouble()
  if (trouble) throw new MicrophoneError(trouble)
  const choice = audioChoice()
  const clean = choice.noiseSuppression
  const constraints = { echoCancellation: clean, noiseSuppression: clean, autoGainControl: clean }
  try {
    const audio = choice.input ? { ...constraints, deviceId: { ideal: choice.input } } : constraints
    return await navigator.mediaDevices.getUserMedia({ audio })
  } catch (error) {
    throw new MicrophoneError(troubleOf(error))
  }
}

export function closeMicrophone(stream: MediaStream | null): void {
  stream?.getTracks().forEach((track) => track.stop())
}
