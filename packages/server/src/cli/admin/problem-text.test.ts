import { AdminProblem, AdminUnreachable } from '@lockgate/admin-api/problem'
import { describe, expect, test } from 'bun:test'
import { commandSpecs } from './command-spec.ts'
import { problemLine } from './problem-text.ts'
import { startProgress } from './progress.ts'

const url = 'http://127.0.0.1:8080'
const flagsOf = (command: string) =>
  commandSpecs().find(({ words }) => words.join(' ') === command)?.variants[0].flags ?? []
const fields = flagsOf('secrets rotate')

describe('a refusal is one line that says what to do', () => {
  const line = (more: Partial<ConstructorParameters<typeof AdminProblem>[1]>): string => {
    const problem = { status: 400, code: 'a_code', title: 'The title.', ...more }
    return problemLine(new AdminProblem('credentials.rotate', problem), fields)
  }

  test('with the fields as they were typed', () => {
    const errors = [
      { path: 'body.overlapSeconds', message: 'Too small' },
      { path: 'body.value', message: 'Too big' },
      { path: 'body.unheard', message: 'Unknown' },
    ]
    expect(line({ errors, detail: 'See errors for each field.' })).toBe(
      'lockgate: The title. --overlap: Too small; --value-file: Too big; unheard: Unknown (a_code)\n',
    )
  })

  test('with the flag of a field inside an object, and its range in the unit of the flag', () => {
    const path = 'body.settings.authorizationTimeoutMs'
    const errors = [{ path, message: 'Too big: expected number to be <=600000' }]
    const problem = { status: 400, code: 'a_code', title: 'The title.', errors }
    expect(problemLine(new AdminProblem('apps.update', problem), flagsOf('apps update'))).toBe(
      'lockgate: The title. --settings-authorization-timeout: 1s to 10m. (a_code)\n',
    )
  })

  test('with names of fields in a sentence as they are typed', () => {
    const problem = { status: 400, code: 'a_code', title: 'No.', detail: 'Name the tenantId.' }
    expect(problemLine(new AdminProblem('apps.create', problem), flagsOf('apps create'))).toBe(
      'lockgate: No. Name the --tenant-id. (a_code)\n',
    )
  })

  test('with the detail, how long to wait, and which flag helps', () => {
    expect(line({ detail: 'The detail.' })).toBe('lockgate: The title. The detail. (a_code)\n')
    expect(line({ retryAfterSeconds: 60 })).toContain('Try again in 60 s. (a_code)')
    expect(line({ status: 401, code: 'credential_invalid' })).toContain('--operator-key-file')
    expect(line({ status: 403, code: 'operation_denied' })).toContain('`lockgate whoami`')
    expect(line({ code: 'answer_unexpected' })).toContain('--url')
  })

  test('however many lines the server sends', () => {
    const text = line({ title: 'one\ntwo\u001b[2J' })
    expect(text.split('\n')).toHaveLength(2)
    expect(text).not.toContain('\u001b')
  })
})

test.each([
  ['connection', 'lockgate serve'],
  ['timeout', '--timeout'],
  ['cut_off', 'look, then try again'],
] as const)('a server without an answer (%s) is named, with what to do', (reason, text) => {
  const line = problemLine(new AdminUnreachable('whoami', { url, reason, cause: undefined }), [])
  expect(line).toContain(url)
  expect(line).toContain(text)
})

describe('progress', () => {
  function watch(isShown: boolean) {
    let written = ''
    let step = (): void => undefined
    let isStopped = false
    const progress = startProgress({
      what: 'audit export',
      isShown,
      write: (text) => {
        written += text
      },
      every: (_ms, work) => {
        step = work
        return () => {
          isStopped = true
        }
      },
    })
    return { progress, step: () => step(), written: () => written, isStopped: () => isStopped }
  }

  test('shows what goes on after a second, and takes its line away', () => {
    const { progress, step, written, isStopped } = watch(true)
    expect(written()).toBe('')
    step()
    expect(written()).toBe('\r\u001b[Kaudit export: 1 s')
    progress.advance(5)
    step()
    expect(written()).toEndWith('audit export: 2 s, 5 so far')
    progress.end()
    expect(written()).toEndWith('\r\u001b[K')
    expect(isStopped()).toBe(true)
  })

  test('leaves no trace where nobody looks, or where it was quick', () => {
    const quick = watch(true)
    quick.progress.end()
    const unseen = watch(false)
    unseen.step()
    unseen.progress.end()
    expect(quick.written() + unseen.written()).toBe('')
  })
})
