import { expect, test } from 'bun:test'
import { readJunit, readTap } from './reports.mjs'

const JUNIT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="4" assertions="2" failures="1" skipped="1" time="0.03">
  <testsuite name="src/a.test.ts" file="src/a.test.ts" tests="3" failures="1" skipped="1">
    <testcase name="holds" classname="" time="0.1" file="src/a.test.ts" line="2" assertions="1" />
    <testcase name="refuses &quot;x&quot;" classname="codec" file="src/a.test.ts" line="4">
      <failure type="AssertionError" message="expected 1">AssertionError: expected 1</failure>
    </testcase>
    <testcase name="later" classname="" time="0" file="src/a.test.ts" line="6">
      <skipped />
    </testcase>
  </testsuite>
  <testsuite name="src/b.test.ts" file="src/b.test.ts" tests="1">
    <testcase name="holds" classname="" file="src/b.test.ts" line="1"></testcase>
  </testsuite>
</testsuites>`

test('a junit report gives counts, the names of what failed, and the files that ran', () => {
  expect(readJunit(JUNIT)).toEqual({
    passed: 2,
    skipped: 1,
    failures: ['src/a.test.ts: codec > refuses "x"'],
    ranFiles: new Set(['src/a.test.ts', 'src/b.test.ts']),
  })
})

test('without a report nothing passed and no file ran', () => {
  expect(readJunit('')).toEqual({ passed: 0, skipped: 0, failures: [], ranFiles: new Set() })
  expect(readTap('', new Set())).toEqual({ passed: 0, skipped: 0, failures: [] })
})

const TAP = `TAP version 13
# Subtest: connects
ok 1 - connects
  ---
  duration_ms: 2.5
  ...
# Subtest: channels
    # Subtest: delivers
    not ok 1 - delivers
      ---
      duration_ms: 2.2
      location: 'test/conformance/a.test.ts:2:52'
      failureType: 'testCodeFailure'
      error: '1 == 2'
      ...
    1..1
not ok 2 - channels
  ---
  duration_ms: 4.3
  failureType: 'subtestsFailed'
  ...
# tests 99
# Subtest: empty.test.js
ok 3 - empty.test.js
  ---
  duration_ms: 133.2
  ...
1..3
# tests 3
# suites 1
# pass 2
# fail 1
# cancelled 0
# skipped 0
# todo 0
# duration_ms 519.0
`

test('a tap report gives counts; a suite counts only through its tests', () => {
  expect(readTap(TAP, new Set())).toEqual({
    passed: 2,
    skipped: 0,
    failures: ['delivers (test/conformance/a.test.ts:2:52)'],
  })
})

test('a file that node counts as a passed test because it has none is a failure', () => {
  const { passed, failures } = readTap(TAP, new Set(['empty.test.js']))
  expect(passed).toBe(1)
  expect(failures).toContain('empty.test.js: ran no test')
})

test('a failure the report does not name is still counted', () => {
  const ending = '1..1\n# pass 0\n# fail 1\n# cancelled 1\n'
  expect(readTap(`TAP version 13\n${ending}`, new Set()).failures.length).toBe(2)
})
