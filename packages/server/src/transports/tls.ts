/**
 * A TLS listener whose certificate changes without dropping a connection: when the files change, a
 * second listener takes over the port, and the first one only serves the connections it has.
 */
import { X509Certificate, createPrivateKey } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import type { Log } from '../ports/log.ts'
import { StartProblem } from '../ports/start-problem.ts'

/** How often the files are looked at; links that are swapped as a whole are seen too. */
export const CERTIFICATE_CHECK_MS = 1_000

export interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
  /** Whose certificates clients may show; where nobody looks at them it is left out. */
  readonly clientCaFile?: string | undefined
}

/** PEM texts. */
export interface TlsTexts {
  readonly cert: string
  readonly key: string
  readonly clientCa: string | undefined
}

interface Address {
  readonly hostname: string
  readonly port: number
}

/** A port that is listened on with one certificate. */
interface Bound {
  readonly port: number | undefined
  stop(isForced: boolean): unknown
}

/** How a listener is made, and who is told of changes. */
export interface TlsDeps {
  /** @throws the bind error when the port is taken and not shared. */
  readonly listen: (options: {
    readonly address: Address
    readonly tls: TlsTexts
    /** Lets a second listener take the same port over. */
    readonly isShared: boolean
  }) => Bound
  readonly log: Log
}

export class TlsListener {
  readonly #files: TlsFiles
  readonly #deps: TlsDeps
  #current: Bound
  #address: Address
  #version: string
  #checking: Promise<void> | undefined

  private constructor(start: {
    files: TlsFiles
    deps: TlsDeps
    listener: Bound
    address: Address
    version: string
  }) {
    this.#files = start.files
    this.#deps = start.deps
    this.#current = start.listener
    this.#address = start.address
    this.#version = start.version
  }

  /**
   * @throws StartProblem when the files do not make a pair; the bind error when the port is
   * taken.
   */
  static async open(address: Address, files: TlsFiles, deps: TlsDeps): Promise<TlsListener> {
    const { tls, version } = await loadTexts(files)
    // A shared bind never fails, so whether the port is free is asked with an exclusive one.
    await deps.listen({ address, tls, isShared: false }).stop(true)
    const listener = deps.listen({ address, tls, isShared: true })
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

  /** Stops taking new connections; open ones stay unless it is forced. */
  async stop(isForced: boolean): Promise<void> {
    await this.#current.stop(isForced)
  }

  async #reload(): Promise<void> {
    try {
      if ((await versionOf(this.#files)) === this.#version) return
      const { tls, version } = await loadTexts(this.#files)
      const next = this.#deps.listen({ address: this.#address, tls, isShared: true })
      const previous = this.#current
      this.#current = next
      this.#version = version
      void previous.stop(false)
      this.#deps.log.info('certificate_reloaded', { certFile: this.#files.certFile })
    } catch (error) {
      this.#deps.log.error('certificate_not_reloaded', error, { certFile: this.#files.certFile })
    }
  }
}

async function loadTexts(files: TlsFiles): Promise<{ tls: TlsTexts; version: string }> {
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
  return { tls: { cert, key, clientCa: await loadClientCa(files) }, version }
}

/** A file without a certificate would let nobody's certificate hold, and nobody would say why. */
async function loadClientCa({ clientCaFile }: TlsFiles): Promise<string | undefined> {
  if (clientCaFile === undefined) return undefined
  const clientCa = await readPem(clientCaFile)
  try {
    // It reads the first certificate of the file; a damaged one further down is Bun's to refuse.
    void new X509Certificate(clientCa)
  } catch (cause) {
    const what = `${clientCaFile} must hold PEM certificates. Check tls.clientCaFile.`
    throw new StartProblem(what, { cause })
  }
  return clientCa
}

async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new StartProblem(`${file} cannot be read. Check the files of \`tls\`.`, { cause })
  }
}

async function versionOf({ certFile, keyFile, clientCaFile }: TlsFiles): Promise<string> {
  const marks: string[] = []
  for (const file of [certFile, keyFile, clientCaFile]) {
    if (file === undefined) continue
    try {
      const { mtimeMs, size, ino } = await stat(file)
      marks.push(`${mtimeMs}:${size}:${ino}`)
    } catch (cause) {
      throw new StartProblem(`${file} cannot be read. Check the files of \`tls\`.`, { cause })
    }
  }
  return marks.join()
}
