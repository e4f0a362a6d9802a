/**
 * Encrypted channels: the secret a subscriber is given, and the data that are published, by one
 * rule, so that both agree while the master key is replaced. NaCl secretbox (XSalsa20-Poly1305)
 * under a key for each channel; Pusher Channels protocol 7, part 1I. The server never sees a key.
 *
 * A subscriber holds one key; when an event does not open it asks its backend once more, and drops
 * the event if what it is given does not fit either. So nothing may be published under a key that
 * backends do not hand out at that moment, whatever their clocks say: around the switch, publishing
 * waits.
 */
import { secretbox } from '@noble/ciphers/salsa.js'
import { parseJsonObject } from '@lockgate/protocol/bytes'
import { parseChannelName } from '@lockgate/protocol/pusher/channel-name'
import { decodeBase64, encodeBase64 } from './base64.ts'
import { readMasterKey, sharedSecretOf } from './shared-secret.ts'
import { SYSTEM, type System } from './system.ts'

export interface EncryptionOptions {
  /** 32 bytes in base64, the same on every backend; never sent to the server. */
  readonly masterKeyBase64: string
  /** The one before, in use until `switchAt`; both go together. */
  readonly previousMasterKeyBase64?: string
  /**
   * When the new key takes over: a Date, or ISO 8601 with its zone, the same on every backend. Put
   * it far enough ahead that all of them have both keys by then.
   */
  readonly switchAt?: Date | string
  /**
   * By how much the clocks of your backends may differ, and a call to publish may take, together.
   * Publishing on encrypted channels waits from so long before the switch to so long after it.
   * {@link SWITCH_MARGIN_MS} unless given; 0 never waits, and events around the switch can be lost.
   */
  readonly switchMarginMs?: number
  /** For tests. */
  readonly system?: Pick<System, 'now' | 'pause'>
}

export const SWITCH_MARGIN_MS = 2_000
/** Our bound: callers are held for twice as long. */
const SWITCH_MARGIN_MS_MAX = 60_000
const NONCE_BYTES = 24
const TAG_BYTES = 16
const ISO_WITH_ZONE = /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$/
const SEALED_DEPTH_MAX = 1

/** Encrypts under one master key, whatever the clock says meanwhile: what is sent in one call. */
export interface PinnedEncryption {
  /**
   * @param data anything JSON can hold, as with events of other channels.
   * @returns the `data` of the event.
   */
  encrypt(channelName: string, data: unknown): Promise<string>
}

interface Switch {
  readonly previous: Uint8Array<ArrayBuffer>
  readonly atMs: number
}

export class EncryptedChannels {
  readonly #current: Uint8Array<ArrayBuffer>
  readonly #switch: Switch | undefined
  readonly #marginMs: number
  readonly #system: Pick<System, 'now' | 'pause'>

  /** @throws TypeError for keys or a time that are none; its text repeats no key. */
  constructor(options: EncryptionOptions) {
    const { switchMarginMs = SWITCH_MARGIN_MS, system = SYSTEM } = options
    this.#current = masterKey(options.masterKeyBase64)
    this.#switch = readSwitch(options)
    if (!(switchMarginMs >= 0 && switchMarginMs <= SWITCH_MARGIN_MS_MAX)) {
      throw new TypeError(`switchMarginMs is 0 to ${SWITCH_MARGIN_MS_MAX}.`)
    }
    this.#marginMs = switchMarginMs
    this.#system = system
  }

  /** @returns the `shared_secret` for who may join the channel now, in base64. */
  async sharedSecret(channelName: string): Promise<string> {
    return encodeBase64(await sharedSecretOf(encryptedName(channelName), this.#masterKey()))
  }

  /** Waits while the keys are being switched, then settles which one is used. */
  async pin(): Promise<PinnedEncryption> {
    for (let waitMs = this.#waitMs(); waitMs > 0; waitMs = this.#waitMs()) {
      await this.#system.pause(waitMs)
    }
    const key = this.#masterKey()
    return { encrypt: (channelName, data) => seal(key, channelName, data) }
  }

  /** Encrypts one event, to be published at once. @returns its `data`. */
  async encrypt(channelName: string, data: unknown): Promise<string> {
    return (await this.pin()).encrypt(channelName, data)
  }

  /**
   * Opens what was published, such as the data in a webhook.
   * @returns undefined for what neither key opens.
   */
  async decrypt(
    channelName: string,
    sealed: string,
  ): Promise<{ readonly data: unknown } | undefined> {
    const name = encryptedName(channelName)
    const { nonce, ciphertext } = parseJsonObject(sealed, SEALED_DEPTH_MAX) ?? {}
    const nonceBytes = typeof nonce === 'string' ? decodeBase64(nonce) : undefined
    const bytes = typeof ciphertext === 'string' ? decodeBase64(ciphertext) : undefined
    if (nonceBytes?.length !== NONCE_BYTES || bytes === undefined) return undefined
    const masterKeys = [
      this.#current,
      ...(this.#switch === undefined ? [] : [this.#switch.previous]),
    ]
    for (const key of masterKeys) {
      const text = open(await sharedSecretOf(name, key), nonceBytes, bytes)
      if (text !== undefined) return { data: dataOf(text) }
    }
    return undefined
  }

  /** The one rule. */
  #masterKey(): Uint8Array<ArrayBuffer> {
    const isBefore = this.#switch !== undefined && this.#system.now() < this.#switch.atMs
    return isBefore ? this.#switch.previous : this.#current
  }

  /** @returns how long nothing may be published from now on; at most twice the margin. */
  #waitMs(): number {
    if (this.#switch === undefined) return 0
    const sinceMs = this.#system.now() - this.#switch.atMs
    return Math.abs(sinceMs) < this.#marginMs ? this.#marginMs - sinceMs : 0
  }
}

async function seal(key: Uint8Array, channelName: string, data: unknown): Promise<string> {
  const name = encryptedName(channelName)
  const text: string | undefined = JSON.stringify(data)
  if (text === undefined) throw new TypeError('The data of an event are what JSON can hold.')
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
  const box = secretbox(await sharedSecretOf(name, key), nonce)
  const ciphertext = encodeBase64(box.seal(new TextEncoder().encode(text)))
  return JSON.stringify({ nonce: encodeBase64(nonce), ciphertext })
}

/** @returns undefined when it was sealed under another key, or changed. */
function open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): string | undefined {
  if (sealed.length < TAG_BYTES) return undefined
  try {
    return new TextDecoder().decode(secretbox(key, nonce).open(sealed))
  } catch (error) {
    if (error instanceof Error && error.message === 'invalid tag') return undefined
    throw error
  }
}

/** Some libraries seal text as it is; as pusher-js does, it is given so. No error quotes it. */
function dataOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    if (error instanceof SyntaxError) return text
    throw error
  }
}

function encryptedName(channelName: string): string {
  const parsed = parseChannelName(channelName)
  if (parsed.ok && parsed.value.kind === 'encrypted') return parsed.value.name
  throw new TypeError('The names of encrypted channels begin private-encrypted-.')
}

function masterKey(base64: string): Uint8Array<ArrayBuffer> {
  const key = readMasterKey(base64)
  if (key !== undefined) return key
  throw new TypeError('A master key is 32 bytes in base64. Make one: openssl rand -base64 32')
}

function readSwitch(options: EncryptionOptions): Switch | undefined {
  const { masterKeyBase64, previousMasterKeyBase64, switchAt } = options
  if (previousMasterKeyBase64 === undefined && switchAt === undefined) return undefined
  if (previousMasterKeyBase64 === undefined || switchAt === undefined) {
    throw new TypeError('previousMasterKeyBase64 and switchAt go together: who switches says when.')
  }
  if (previousMasterKeyBase64 === masterKeyBase64) {
    throw new TypeError('previousMasterKeyBase64 is the same as masterKeyBase64.')
  }
  const isClear = switchAt instanceof Date || ISO_WITH_ZONE.test(switchAt)
  const atMs = isClear ? new Date(switchAt).getTime() : Number.NaN
  if (Number.isNaN(atMs)) {
    throw new TypeError('switchAt is a Date, or a time like 2030-01-31T12:00:00Z with its zone.')
  }
  return { previous: masterKey(previousMasterKeyBase64), atMs }
}
