/** Files and standard input that a command line names. */
import { type ReadRefusal, readTextFile } from '../configuration.ts'
import type { Readers, ReadText } from './input.ts'

/** Our bound: more than any field of an operation may hold. */
const BYTES_MAX = 64 * 1024
const WHY: Readonly<Record<ReadRefusal, string>> = {
  missing: 'there is no such file',
  not_a_file: 'this is a directory',
  denied: 'the file may not be read',
  too_large: `there is more than ${BYTES_MAX} bytes`,
  unreadable: 'this cannot be read as UTF-8 text',
}

export function createReaders(): Readers {
  return {
    text: readText,
    async secret(name) {
      const read = await readText(name)
      if (!read.ok) return read
      // What editors and `echo` put at the end is not part of the secret.
      const text = read.text.replace(/\r?\n$/, '')
      return text === '' ? { ok: false, why: 'there is nothing in it' } : { ok: true, text }
    },
  }
}

async function readText(name: string): Promise<ReadText> {
  if (name === '-') return readStandardInput()
  const read = readTextFile(name, BYTES_MAX)
  return read.ok ? { ok: true, text: read.value } : { ok: false, why: WHY[read.refusal] }
}

async function readStandardInput(): Promise<ReadText> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let text = ''
  let length = 0
  try {
    for await (const bytes of process.stdin as AsyncIterable<Uint8Array>) {
      length += bytes.byteLength
      if (length > BYTES_MAX) return { ok: false, why: WHY.too_large }
      text += decoder.decode(bytes, { stream: true })
    }
    return { ok: true, text: text + decoder.decode() }
  } catch (error) {
    if (error instanceof TypeError) return { ok: false, why: WHY.unreadable }
    throw error
  }
}
