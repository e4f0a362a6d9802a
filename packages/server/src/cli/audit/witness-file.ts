/** Reads what a witness has: a file of JSON lines, and the public key that was kept with it. */
import { createReadStream, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { isObject, parseJson } from '../../credentials/audit/canonical-json.ts'
import {
  type CheckpointKey,
  readCheckpoint,
  readCheckpointKey,
} from '../../credentials/audit/checkpoint-body.ts'
import type { AuditCheckpoint } from '../../ports/records/audit.ts'

/** @throws what the file system answers when the file cannot be read. */
export async function* readWitnessFile(path: string): AsyncGenerator<AuditCheckpoint> {
  for await (const checkpoint of readLines(path)) if (checkpoint !== undefined) yield checkpoint
}

/** @returns how many lines are no checkpoint: one that a full disk cut off, or worse. */
export async function countUnreadable(path: string): Promise<number> {
  let count = 0
  for await (const checkpoint of readLines(path)) if (checkpoint === undefined) count++
  return count
}

async function* readLines(path: string): AsyncGenerator<AuditCheckpoint | undefined> {
  const input = createReadStream(path, 'utf8')
  try {
    for await (const line of createInterface({ input, crlfDelay: Infinity })) {
      if (line.trim() !== '') yield readCheckpoint(parseJson(line))
    }
  } finally {
    input.destroy()
  }
}

/**
 * @returns undefined for a file that holds no Ed25519 public key as a JWK.
 * @throws what the file system answers when the file cannot be read.
 */
export function readPublicKeyFile(path: string): CheckpointKey | undefined {
  const value = parseJson(readFileSync(path, 'utf8'))
  return isObject(value) ? readCheckpointKey(value) : undefined
}
