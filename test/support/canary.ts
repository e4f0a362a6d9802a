/**
 * Planted secrets, and the search for them: in the forms in which a value is written down without
 * being seen at once. Where a value may be is said when it is planted.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

interface Planted {
  readonly name: string
  readonly forms: readonly string[]
  /** Files that hold it by right. */
  readonly homes: readonly string[]
}

/** Shorter texts would be found by chance. */
const LENGTH_MIN = 16
/** Of a long value this much is looked for: a part of it is a leak as well. */
const LOOKED_FOR_LENGTH = 40
const KEY_FORMAT = /^[a-z]+_[0-9A-Za-z]{16}_([0-9A-Za-z]{49})$/

export class Canary {
  readonly #planted: Planted[] = []
  readonly #leaks = new Set<string>()
  #lookedAtCount = 0

  /** @param homes names of files that hold the value by right. @returns the value. */
  plant(name: string, value: string | undefined, homes: readonly string[] = []): string {
    if (value === undefined || value.length < LENGTH_MIN) throw new Error(`${name} is no secret`)
    // The prefix and the id of a key are no secret: logs and audit rows name it by them.
    const secret = (KEY_FORMAT.exec(value)?.[1] ?? value).slice(0, LOOKED_FOR_LENGTH)
    this.#planted.push({ name, forms: formsOf(secret), homes })
    return value
  }

  get plantedCount(): number {
    return this.#planted.length
  }

  get lookedAtCount(): number {
    return this.#lookedAtCount
  }

  /** What was found so far: `which secret in what place`. */
  get leaks(): readonly string[] {
    return [...this.#leaks]
  }

  /** @param where names the place in a report. @param file the name of the file it is, if any. */
  look(where: string, text: string, file?: string): void {
    this.#lookedAtCount++
    for (const { name, forms, homes } of this.#planted) {
      if (file !== undefined && homes.includes(file)) continue
      if (forms.some((form) => text.includes(form))) this.#leaks.add(`${name} in ${where}`)
    }
  }

  /** Every file below a directory, as it is on the disk now. */
  lookInFiles(directory: string): void {
    for (const name of readdirSync(directory)) {
      const path = join(directory, name)
      if (!existsSync(path)) continue // a file of the database that was taken away meanwhile
      if (statSync(path).isDirectory()) this.lookInFiles(path)
      else this.look(`the file ${name}`, readFileSync(path, 'latin1'), name)
    }
  }

  /** What other users of the machine see of a process. */
  lookAtProcess(id: number): void {
    this.look('the arguments of a process', readFileSync(`/proc/${id}/cmdline`, 'latin1'))
  }
}

function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret)
  // What stands before a text in base64 moves it by zero to two characters.
  const shifted = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64')
    return text.slice(Math.ceil((shift * 4) / 3), -4)
  })
  const forms = [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    secret.split('').toReversed().join(''),
    ...shifted,
    ...shifted.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  ]
  return [...new Set(forms)]
}
