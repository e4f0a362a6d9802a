/**
 * A TLS listener whose certificate changes without dropping a connection: when the files change, a
 * second listener takes over the port, and the first one only serves the connections it has.
 */
import { X509Certificate, createPrivateKey } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import type { Log } from '../ports/log.ts'
import { StartProblem } from '../ports/start-problem.ts'
import { type HttpDeps, listenHttp, type ListenOptions } from './http.ts'
import type { Listener } from './socket.ts'

/** How often the files are looked at; links that are swapped as a whole are seen too. */
export const CERTIFICATE_CHECK_MS = 1_000

export interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
}

export class TlsListener {
  readonly #files: TlsFiles
  readonly #deps: HttpDeps
  readonly #log: Log
  #current: Listener
  #address: ListenOptions['address']
  #version: string
  #checking: Promise<void> | undefined

  private constructor(start: {
    files: TlsFiles
    deps: HttpDeps
    listener: Listener
    address: ListenOptions['address']
    version: string
  }) {
    this.#files = start.files
    this.#deps = start.deps
    this.#log = start.deps.log
    this.#current = start.listener
    this.#address = start.address
    this.#version = start.version
  }

  /**
   * @throws StartProblem when the files do not make a pair; the bind error when the port is
   * taken.
   */
  static async open(
    address: ListenOptions['address'],
    files: TlsFiles,
    deps: HttpDeps,
  ): Promise<TlsListener> {
    const { tls, version } = await loadPair(files)
    // A shared bind never fails, so whether the port is free is asked with an exclusive one.
    await listenHttp({ address, tls, isShared: false }, deps).stop(true)
    const listener = listenHttp({ address, tls, isShared: true }, deps)
    const bound = { hostname: address.hostname, port: listener.port ?? address.port }
    return new TlsListener({ files, deps, listener, address: bound, version })
  }

  get port(): number {
    return this.#address.port
  }

  /**
   * Looks whether the files changed and serves the new pair. A bad pair is logged, the old one
   * stays.
   */
  check(): Promise<void> {
    this.#checking ??= this.#reload().finally(() => {
      this.#checking = undefined
    })
    return this.#checking
  }

  /** Stops taking new connections; open ones stay. */
  stopAccepting(): void {
    void this.#current.stop(false)
  }

  async #reload(): Promise<void> {
    try {
      if ((await versionOf(this.#files)) === this.#version) return
      const { tls, version } = await loadPair(this.#files)
      const next = listenHttp({ address: this.#address, tls, isShared: true }, this.#deps)
      const previous = this.#current
      this.#current = next
      this.#version = version
      void previous.stop(false)
      this.#log.info('certificate_reloaded', { certFile: this.#files.certFile })
    } catch (error) {
      this.#log.error('certificate_not_reloaded', error, { certFile: this.#files.certFile })
    }
  }
}

async function loadPair(
  files: TlsFiles,
): Promise<{ tls: { cert: string; key: string }; version: string }> {
  const version = await versionOf(files)
  const cert = await readPem(files.certFile)
  const key = await readPem(files.keyFile)
  let isPair: boolean
  try {
    isPair = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
  } catch (cause) {
    throw new StartProblem(
      `${files.certFile} and ${files.keyFile} must be a PEM certificate and its PEM key.`,
      { cause },
    )
  }
  if (!isPair) {
    throw new StartProblem(`${files.keyFile} is not the key of ${files.certFile}.`)
  }
  return { tls: { cert, key }, version }
}

async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new StartProblem(`${file} cannot be read. Check tls.certFile and tls.keyFile.`, {
      cause,
    })
  }
}

async function versionOf({ certFile, keyFile }: TlsFiles): Promise<string> {
  const marks: string[] = []
  for (const file of [certFile, keyFile]) {
    try {
      const { mtimeMs, size, ino } = await stat(file)
      marks.push(`${mtimeMs}:${size}:${ino}`)
    } catch (cause) {
      throw new StartProblem(`${file} cannot be read. Check tls.certFile and tls.keyFile.`, {
        cause,
      })
    }
  }
  return marks.join()
}
