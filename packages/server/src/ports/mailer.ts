/** Sends plain text by e-mail, from the address that the configuration names. */
import type { Result } from '@lockgate/protocol/result'

export interface Mail {
  /** Addresses; at least one. */
  readonly to: readonly string[]
  /** One line; whatever could end a header in it is taken out. */
  readonly subject: string
  readonly text: string
}

/**
 * `credential_refused`: the server takes our name and password no more. `recipient_refused`: it
 * takes the mail to none of the addresses. `mail_refused`: it does not want this mail.
 */
export type MailRefusal = 'credential_refused' | 'recipient_refused' | 'mail_refused'

/** Our bound, from the look-up of the name to the last word of the server. */
export const MAIL_MS_MAX = 30_000

export interface Mailer {
  /**
   * Hands one mail over.
   * @param timeMsMax {@link MAIL_MS_MAX} unless given; however the server talks, it is left then.
   * @returns once the server has taken it.
   * @throws Outage when it could not be asked, or says later.
   */
  send(mail: Mail, timeMsMax?: number): Promise<Result<true, MailRefusal>>
}
