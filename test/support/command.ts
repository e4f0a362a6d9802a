/** Runs the program as a person does and waits for its end. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { repositoryRoot } from './server.ts'

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CommandOptions {
  /** Beside `PATH`; nothing else of this process is handed on. */
  readonly environment?: Readonly<Record<string, string>>
  readonly workingDir?: string
  /** Sent to standard input, which is empty otherwise. */
  readonly input?: string
}

export function lockgate(args: readonly string[], options: CommandOptions = {}): Promise<Ended> {
  const bin = join(repositoryRoot(), 'packages/server/bin/lockgate.js')
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bin, ...args], {
      cwd: options.workingDir ?? repositoryRoot(),
      env: { PATH: process.env['PATH'], ...options.environment },
      stdio: 'pipe',
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
    child.stdin.on('error', () => child.stdin.destroy()) // it may end without having read
    child.stdin.end(options.input ?? '')
  })
}
