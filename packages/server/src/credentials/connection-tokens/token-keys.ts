/**
 * The versions of the key connection tokens are signed with, in memory, and what is derived from
 * them for each tenant. The newest signs what is issued from its making on, and every version
 * verifies what names it. By the time of issue the same password is always signed alike, so that a
 * lost answer can be given again after a rotation.
 */
import type { KeyObject } from 'node:crypto'
import { deriveTokenKey } from './token-text.ts'

export interface TokenKeyVersion {
  /** From 1. */
  readonly version: number
  readonly bytes: Uint8Array
  readonly createdAtMs: number
}

/** How often a version has let somebody in, on this node since its start. */
export interface TokenKeyUse {
  readonly count: number
  readonly lastAtMs: number | undefined
}

const UNUSED: TokenKeyUse = { count: 0, lastAtMs: undefined }

export class TokenKeys {
  #versions: readonly TokenKeyVersion[]
  /** By version and tenant: as many as there are tenants with apps, for each version. */
  readonly #derived = new Map<number, Map<string, KeyObject>>()
  readonly #uses = new Map<number, TokenKeyUse>()

  /** @param versions one at least, oldest first. */
  constructor(versions: readonly TokenKeyVersion[]) {
    this.#versions = versions
  }

  /** Oldest first. */
  get versions(): readonly TokenKeyVersion[] {
    return this.#versions
  }

  /** Those that are not among them verify nothing from here on. */
  replace(versions: readonly TokenKeyVersion[]): void {
    this.#versions = versions
    for (const version of this.#derived.keys()) {
      if (versions.every((each) => each.version !== version)) this.#derived.delete(version)
    }
  }

  /** @returns the key of one tenant; undefined for a version that is gone. */
  keyOf(tenantId: string, version: number): KeyObject | undefined {
    const known = this.#derived.get(version)?.get(tenantId)
    if (known !== undefined) return known
    const found = this.#versions.find((each) => each.version === version)
    if (found === undefined) return undefined
    const made = deriveTokenKey(found.bytes, tenantId)
    const ofVersion = this.#derived.get(version) ?? new Map<string, KeyObject>()
    this.#derived.set(version, ofVersion.set(tenantId, made))
    return made
  }

  /** @returns the version that signs, or signed, what is issued then. */
  versionAt(issuedAtMs: number): number {
    const signing = this.#versions.findLast(({ createdAtMs }) => createdAtMs <= issuedAtMs)
    // Before all of them: the clock was set back.
    return (signing ?? this.#versions[0])?.version ?? 0
  }

  used(version: number, nowMs: number): void {
    const { count } = this.usesOf(version)
    this.#uses.set(version, { count: count + 1, lastAtMs: nowMs })
  }

  usesOf(version: number): TokenKeyUse {
    return this.#uses.get(version) ?? UNUSED
  }
}
