/**
 * A witness that is a file, best on another machine: one JSON line for each checkpoint, appended
 * and flushed to the disk. Opened for each batch, so that it may be moved away at any time.
 */
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Outage } from '../../ports/outage.ts'
import type { AuditCheckpoint } from '../../ports/records/audit.ts'
import { type Witness, WITNESS_TIME_MS_MAX } from '../../ports/witness.ts'

/** For its owner only: it names tenants. */
const FILE_MODE = 0o600
const LINE_END = 0x0a

/** @param path absolute; made with mode 0600 if it is not there. */
export function openFileWitness(path: string): Witness {
  let running: Promise<void> | undefined
  return {
    name: `file:${path}`,
    async attest(checkpoints) {
      // A network file system can hold a call for hours; one that hangs is not joined by another.
      if (running !== undefined) throw unavailable(path, 'an earlier write has not ended')
      const text = checkpoints.map((each) => `${lineOf(each)}\n`).join('')
      const write = append(path, text).finally(() => {
        running = undefined
      })
      running = write
      try {
        await inTime(write)
      } catch (error) {
        throw error instanceof Outage ? error : unavailable(path, reasonOf(error), error)
      }
    },
  }
}

function lineOf({ tenantId, seq, atMs, body, signature, keyId }: AuditCheckpoint): string {
  return JSON.stringify({ tenantId, seq, atMs, body, signature, keyId })
}

async function append(path: string, text: string): Promise<void> {
  const file = await open(path, 'a+', FILE_MODE)
  try {
    const { size } = await file.stat()
    // What a full disk cut off must not swallow the next line too.
    const isCut = size > 0 && (await lastByteOf(file, size)) !== LINE_END
    await file.appendFile(isCut ? `\n${text}` : text)
    await file.sync()
    if (size === 0) await syncDirectory(dirname(path))
  } finally {
    await file.close()
  }
}

async function lastByteOf(
  file: Awaited<ReturnType<typeof open>>,
  size: number,
): Promise<number | undefined> {
  const { buffer } = await file.read({ buffer: Buffer.alloc(1), position: size - 1 })
  return buffer[0]
}

/** Makes a new name survive power loss. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return // it neither allows nor needs this
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function inTime(work: Promise<void>): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error('it takes too long')), WITNESS_TIME_MS_MAX)
  try {
    await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function unavailable(path: string, reason: string, cause?: unknown): Outage {
  const text = `the audit witness ${path} cannot be written (${reason}): check audit.witnessFile`
  return new Outage('witness_unavailable', text, { port: 'witness', cause })
}
