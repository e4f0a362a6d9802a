/** A self-signed certificate of this moment, as OpenSSL makes it. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Certificate {
  /** PEM. */
  readonly cert: string
  readonly key: string
}

/** @param names what it is valid for: `DNS:name` or `IP:address`. */
export function makeCertificate(commonName: string, ...names: readonly string[]): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'lockgate-certificate-'))
  try {
    const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
    const subject = ['-subj', `/CN=${commonName}`, '-addext', `subjectAltName=${names.join(',')}`]
    const files = ['-keyout', keyFile, '-out', certFile]
    execFileSync('openssl', ['req', ...kind, '-days', '2', ...subject, ...files], {
      stdio: 'ignore',
    })
    return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
