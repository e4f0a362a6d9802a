/** Certificates of this moment, as OpenSSL makes them: self-signed, or of an authority. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Certificate {
  /** PEM. */
  readonly cert: string
  readonly key: string
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

/** An authority, and certificates that it issues. */
export interface Authority extends Certificate {
  issue(commonName: string): Certificate
}

export function makeAuthority(commonName: string): Authority {
  const authority = makeCertificate(commonName, 'DNS:authority')
  const issue = (name: string): Certificate =>
    inFolder((folder) => {
      const at = (file: string) => join(folder, file)
      writeFileSync(at('ca.pem'), authority.cert)
      writeFileSync(at('ca.key'), authority.key)
      const asked = ['-keyout', at('key.pem'), '-out', at('request.pem')]
      openssl('req', ...NEW_KEY, '-subj', `/O=Devices/CN=${name}`, ...asked)
      const signer = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-set_serial', '7']
      const made = ['-in', at('request.pem'), '-out', at('cert.pem')]
      openssl('x509', '-req', ...signer, '-days', '2', ...made)
      return read(folder)
    })
  return { ...authority, issue }
}

/** @param names what it is valid for: `DNS:name` or `IP:address`. */
export function makeCertificate(commonName: string, ...names: readonly string[]): Certificate {
  return inFolder((folder) => {
    const subject = ['-subj', `/CN=${commonName}`, '-addext', `subjectAltName=${names.join(',')}`]
    const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')]
    openssl('req', '-x509', ...NEW_KEY, '-days', '2', ...subject, ...files)
    return read(folder)
  })
}

function inFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'lockgate-certificate-'))
  try {
    return work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore' })
}

function read(folder: string): Certificate {
  const text = (file: string) => readFileSync(join(folder, file), 'utf8')
  return { cert: text('cert.pem'), key: text('key.pem') }
}
