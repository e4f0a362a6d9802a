/** The outside world as a table: what a URL answers, what failed, and every call that was made. */
import { ok, type Result, refuse } from '../../packages/protocol/src/result.ts'
import type {
  FetchedAnswer,
  Fetcher,
  FetchRefusal,
  PostedContent,
} from '../../packages/server/src/ports/fetcher.ts'
import { Outage } from '../../packages/server/src/ports/outage.ts'

/** `outage`: nothing is there. */
type Script = FetchRefusal | 'outage' | { readonly status: number; readonly body: string }

export class ScriptedFetcher implements Fetcher {
  readonly calls: { readonly url: string; readonly content: PostedContent | undefined }[] = []
  readonly #scripts = new Map<string, Script>()
  /** Answers wait for this. */
  gate: Promise<void> = Promise.resolve()

  answers(url: string, script: Script): void {
    this.#scripts.set(url, script)
  }

  get(url: string): Promise<Result<FetchedAnswer, FetchRefusal>> {
    return this.#call(url)
  }

  async post(
    url: string,
    content: PostedContent,
  ): Promise<Result<Pick<FetchedAnswer, 'status'>, FetchRefusal>> {
    const answer = await this.#call(url, content)
    return answer.ok ? ok({ status: answer.value.status }) : answer
  }

  async #call(url: string, content?: PostedContent): Promise<Result<FetchedAnswer, FetchRefusal>> {
    this.calls.push({ url, content })
    await this.gate
    const script = this.#scripts.get(url) ?? 'outage'
    if (script === 'outage') {
      throw new Outage('fetch_unavailable', 'nothing is there', { port: 'fetcher' })
    }
    if (typeof script === 'string') return refuse(script)
    return ok({ status: script.status, headers: {}, body: Buffer.from(script.body) })
  }
}
