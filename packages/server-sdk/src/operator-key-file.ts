/** An operator key from the file that the first start of the server wrote. Node and Bun only. */
import { open } from 'node:fs/promises'

/** Our bound; a key has less than a hundred characters. */
const FILE_BYTES_MAX = 4_096

/**
 * @returns a loader that reads the file at each call, so that a rotated key is taken up.
 * @throws TypeError, when called, for a file that others may read or that holds no key; the text
 *   names the file and never what is in it.
 */
export function operatorKeyFile(path: string): () => Promise<string> {
  return async () => {
    const file = await open(path, 'r')
    try {
      const { mode, size } = await file.stat()
      // Windows has no such bits and says that everybody may.
      const isOpen = (mode & 0o077) !== 0 && process.platform !== 'win32'
      if (isOpen) throw new TypeError(`Others may read ${path}: chmod 600 it.`)
      if (size > FILE_BYTES_MAX) throw new TypeError(`${path} is too long for an operator key.`)
      const key = (await file.readFile('utf8')).trim()
      if (!/^op_[\w.-]+$/.test(key)) throw new TypeError(`${path} holds no operator key.`)
      return key
    } finally {
      await file.close()
    }
  }
}
